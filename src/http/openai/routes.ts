import { Hono } from 'hono';
import type { Log } from '../../base/log.ts';
import type { ServedModel } from '../../library/model-card.ts';
import type { Backend, Places } from '../../worker/backend.ts';
import { modelNamed } from '../request/requested-model.ts';
import type { StreamTimeouts } from '../streaming.ts';
import { chatCompletions } from './chat.ts';
import { completions } from './completions.ts';
import { embeddings } from './embeddings.ts';
import { rerank } from './rerank.ts';
import type { OpenAiService } from './respond.ts';

/**
 * Routes of OpenAI's API, to be mounted at /v1. Errors before the first byte are thrown: the app gives them their
 * shape.
 */
export function openaiRoutes(backend: Backend, log: Log, timeouts: StreamTimeouts = {}): Hono {
  const service: OpenAiService = { backend, log, timeouts };
  const app = new Hono();
  const described = (model: ServedModel): object => modelObject(model, backend.places(model));
  app.get('/models', (c) => c.json({ object: 'list', data: backend.models().map(described) }));
  app.get('/models/:id{.+}', (c) => c.json(described(modelNamed(backend, c.req.param('id')))));
  app.post('/chat/completions', (c) => chatCompletions(service, c));
  app.post('/completions', (c) => completions(service, c));
  app.post('/embeddings', (c) => embeddings(service, c));
  for (const path of ['/rerank', '/reranking']) app.post(path, (c) => rerank(service, c));
  return app;
}

/** A model as OpenAI lists it, with llama-server's facts about it. */
const modelObject = ({ name, modified, size, quantization, trainedContext }: ServedModel, places: Places): object => ({
  id: name,
  object: 'model',
  created: Math.floor(modified.getTime() / 1000),
  owned_by: 'ssd-llm',
  meta: { n_ctx: places.context, n_ctx_train: trainedContext, size, ftype: quantization },
});
