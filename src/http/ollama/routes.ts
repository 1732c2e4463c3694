import { Hono } from 'hono';
import type { Log } from '../../base/log.ts';
import { usualHub } from '../../download/pull-source.ts';
import type { WebOptions } from '../../download/web.ts';
import { showModel } from '../../library/show-model.ts';
import type { Backend } from '../../worker/backend.ts';
import { errorResponseOf, hasLeft, logFailure } from '../refusal.ts';
import { jsonBody } from '../request/body.ts';
import { requestedModel } from '../request/requested-model.ts';
import type { StreamTimeouts } from '../streaming.ts';
import { chat } from './chat.ts';
import { copy, create, headBlob, nameIn, postBlob, remove } from './create.ts';
import { embed, embedPrompt } from './embed.ts';
import { generate } from './generate.ts';
import { psEntry, tagsEntry } from './models.ts';
import { pull } from './pull.ts';
import { errorBody } from './refusals.ts';
import { modelFields, modelRequest } from './requests.ts';
import type { OllamaService } from './respond.ts';

// Clients refuse to talk to an Ollama older than they know.
const version = '0.32.9';

const later = ['push'];

interface OllamaOptions {
  readonly timeouts?: StreamTimeouts | undefined;
  /** The ways to where models are downloaded from. */
  readonly web?: WebOptions | undefined;
}

/** Ollama's own API. */
export function ollamaRoutes(
  backend: Backend,
  log: Log,
  { timeouts = {}, web = { hub: usualHub } }: OllamaOptions = {},
): Hono {
  const service: OllamaService = { backend, log, timeouts, web };
  const app = new Hono();

  app.get('/', (c) => c.text('Ollama is running'));
  app.get('/api/version', (c) => c.json({ version }));
  app.get('/api/tags', (c) => c.json({ models: backend.models().map(tagsEntry) }));
  app.get('/api/ps', (c) => c.json({ models: backend.loaded().map(psEntry) }));
  app.post('/api/show', async (c) =>
    c.json(showModel(requestedModel(backend, await jsonBody(c.req, modelRequest, [...modelFields, 'verbose'])))),
  );
  app.delete('/api/delete', async (c) => {
    // A name is required even where there is only one model.
    await remove(backend, nameIn(await jsonBody(c.req, modelRequest, modelFields)));
    return c.body(null, 200);
  });
  app.post('/api/create', (c) => create(backend, c));
  app.post('/api/copy', (c) => copy(backend, c));
  // Hono takes HEAD for GET.
  app.get('/api/blobs/:digest', (c) => headBlob(backend, c));
  app.post('/api/blobs/:digest', (c) => postBlob(backend, c));
  app.post('/api/generate', (c) => generate(service, c));
  app.post('/api/chat', (c) => chat(service, c));
  app.post('/api/embed', (c) => embed(service, c));
  app.post('/api/embeddings', (c) => embedPrompt(service, c));
  app.post('/api/pull', (c) => pull(service, c));
  for (const name of later) {
    app.all(`/api/${name}`, (c) => c.json({ error: `${c.req.path} is not supported yet` }, 501));
  }

  app.onError((cause, c) => {
    // The client has left and will not read it: 499 is for the log.
    if (hasLeft(c.req.raw, cause)) return new Response(null, { status: 499 });
    logFailure(log, cause, c.req.path);
    return c.json(errorBody(cause), errorResponseOf(cause).status);
  });
  return app;
}
