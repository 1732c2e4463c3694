import { Hono } from 'hono';
import { modelAsked, modelNamed } from '../asked-model.ts';
import { jsonBody } from '../body.ts';
import type { Hub } from '../hub.ts';
import type { Log } from '../log.ts';
import { failureOf, hasLeft, logFailure, Refusal } from '../refusal.ts';
import type { Pace } from '../streaming.ts';
import type { Service } from './answers.ts';
import { chat } from './chat.ts';
import { generate } from './generate.ts';
import { runningOf, shownOf, tagOf } from './models.ts';
import { told } from './refusals.ts';
import { modelRequest } from './requests.ts';

// Clients refuse to talk to an Ollama older than they know.
const version = '0.32.9';

const later = ['pull', 'push', 'create', 'copy', 'embed', 'embeddings', 'blobs/:digest'];

/** Ollama's own API. */
export function ollamaRoutes(hub: Hub, log: Log, pace: Pace = {}): Hono {
  const service: Service = { hub, log, pace };
  const app = new Hono();

  app.get('/', (c) => c.text('Ollama is running'));
  app.get('/api/version', (c) => c.json({ version }));
  app.get('/api/tags', (c) => c.json({ models: hub.models().map(tagOf) }));
  app.get('/api/ps', (c) => c.json({ models: hub.loaded().map(runningOf) }));
  app.post('/api/show', async (c) => c.json(shownOf(modelAsked(hub, await jsonBody(c.req, modelRequest)))));
  app.delete('/api/delete', async (c) => {
    const name = await jsonBody(c.req, modelRequest);
    // Not even where there is only one.
    if (name === '') throw new Refusal(400, 'model is required', { code: 'missing_model', param: 'model' });
    await hub.remove(modelNamed(hub, name));
    return c.body(null, 200);
  });
  app.post('/api/generate', (c) => generate(service, c));
  app.post('/api/chat', (c) => chat(service, c));
  for (const name of later) {
    app.all(`/api/${name}`, (c) => c.json({ error: `${c.req.path} is not supported yet` }, 501));
  }

  app.onError((cause, c) => {
    // Nobody is left to read it: 499 is for the log.
    if (hasLeft(c.req.raw, cause)) return new Response(null, { status: 499 });
    logFailure(log, cause, c.req.path);
    return c.json(told(cause), failureOf(cause).status);
  });
  return app;
}
