import { Hono } from 'hono';
import type { Log } from '../../base/log.ts';
import type { Backend } from '../../worker/backend.ts';
import { jsonBody } from '../request/body.ts';
import { chatModel } from '../request/requested-model.ts';
import { type BlockService, respondWithBlocks } from '../respond-with-blocks.ts';
import type { StreamTimeouts } from '../streaming.ts';
import { messageFormat } from './format.ts';
import { MessagesBody, messagesFields } from './requests.ts';

/** Routes of Anthropic's API, to be mounted at /v1. */
export function anthropicRoutes(backend: Backend, log: Log, timeouts: StreamTimeouts = {}): Hono {
  const service: BlockService = { backend, log, timeouts };
  const app = new Hono();
  app.post('/messages/count_tokens', async (c) => {
    const { model, conversation } = await jsonBody(c.req, MessagesBody, messagesFields);
    return c.json({ input_tokens: await backend.countTokens(chatModel(backend, model), conversation) });
  });
  app.post('/messages', async ({ req }) => {
    const {
      model: name,
      conversation,
      stream,
      keepAlive,
      generation,
    } = await jsonBody(req, MessagesBody, messagesFields);
    const model = chatModel(backend, name);
    return respondWithBlocks(service, {
      request: req.raw,
      model,
      generation: { ...generation, prompt: { kind: 'chat', ...conversation } },
      keepAlive,
      stream,
      format: messageFormat(model.name),
    });
  });
  return app;
}
