import { Hono } from 'hono';
import { modelNamed } from '../asked-model.ts';
import type { Hub } from '../hub.ts';
import type { Log } from '../log.ts';
import { Refusal } from '../refusal.ts';
import type { Pace } from '../streaming.ts';
import type { Service } from './answering.ts';
import { chatCompletions } from './chat.ts';
import { completions } from './completions.ts';
import { modelObject } from './models.ts';

/** OpenAI's API, to be mounted at /v1. Errors before the first byte are thrown: the app gives them their shape. */
export function openaiRoutes(hub: Hub, log: Log, pace: Pace = {}): Hono {
  const service: Service = { hub, log, pace };
  const app = new Hono();
  app.get('/models', (c) => c.json({ object: 'list', data: hub.models().map(modelObject) }));
  app.get('/models/:id{.+}', (c) => c.json(modelObject(modelNamed(hub, c.req.param('id')))));
  app.post('/chat/completions', (c) => chatCompletions(service, c));
  app.post('/completions', (c) => completions(service, c));
  app.post('/embeddings', () => {
    throw new Refusal(400, 'embeddings are not supported yet', { code: 'not_supported' });
  });
  return app;
}
