import { Hono } from 'hono';
import type { Log } from '../../base/log.ts';
import { samplingOptions } from '../../sample/sampling-options.ts';
import type { Backend } from '../../worker/backend.ts';
import { jsonBody } from '../request/body.ts';
import { chatModel } from '../request/requested-model.ts';
import { withUsualSampling } from '../request/sampling-fields.ts';
import { addWarning } from '../request/warnings.ts';
import { type BlockService, respondWithBlocks } from '../respond-with-blocks.ts';
import type { StreamTimeouts } from '../streaming.ts';
import { ResponseFormat } from './format.ts';
import { ResponsesBody, responsesFields } from './requests.ts';

/** The routes of OpenAI's Responses, to be mounted at /v1. */
export function responsesRoutes(backend: Backend, log: Log, timeouts: StreamTimeouts = {}): Hono {
  const service: BlockService = { backend, log, timeouts };
  const app = new Hono();
  app.post('/responses/input_tokens', async (c) => {
    const { model: name, conversation } = await jsonBody(c.req, ResponsesBody, responsesFields);
    const input_tokens = await backend.countTokens(chatModel(backend, name), conversation);
    return c.json({ object: 'response.input_tokens', input_tokens });
  });
  app.post('/responses', async ({ req }) => {
    const {
      model: name,
      conversation,
      stream,
      keepAlive,
      generation,
      timings,
      repeated,
      ...form
    } = await jsonBody(req, ResponsesBody, responsesFields);
    const model = chatModel(backend, name);
    if (form.skipped.length > 0)
      addWarning(req.raw, `nobody runs tools of type ${[...new Set(form.skipped)].join(', ')} here`);
    const { temperature, topP } = samplingOptions(withUsualSampling(generation, model).sampling);
    return respondWithBlocks(service, {
      request: req.raw,
      model,
      generation: { ...generation, prompt: { kind: 'chat', ...conversation } },
      keepAlive,
      stream,
      timings,
      format: new ResponseFormat(model.name, { ...form, repeated: { ...repeated, temperature, top_p: topP } }),
    });
  });
  return app;
}
