import { type Context, Hono } from 'hono';
import { methodNotAllowed } from 'hono/method-not-allowed';
import type { Log } from '../base/log.ts';
import type { WebOptions } from '../download/web.ts';
import type { Backend, Health } from '../worker/backend.ts';
import { anthropicError } from './anthropic/errors.ts';
import { anthropicRoutes } from './anthropic/routes.ts';
import { llamaServerRoutes } from './llama-server-routes.ts';
import { ollamaRoutes } from './ollama/routes.ts';
import { openaiRoutes } from './openai/routes.ts';
import { pageRoutes } from './page/page-routes.ts';
import { statusRoutes } from './page/status-routes.ts';
import { type ErrorResponse, errorResponseOf, hasLeft, logFailure, Refusal } from './refusal.ts';
import { logRequests } from './request/request-log.ts';
import { releaseAfterResponse } from './request/reservations.ts';
import { showWarnings } from './request/warnings.ts';
import { responsesRoutes } from './responses/routes.ts';
import { crossOrigin, keyHoldersOnly, localHostOnly } from './security.ts';

export interface AppOptions {
  readonly backend: Backend;
  readonly log: Log;
  /** The key that requests must have; without one all are answered. */
  readonly apiKey?: string | undefined;
  /** Origins of web pages that may ask, beside those of this machine and apps; "*" stands for anything. */
  readonly origins: readonly string[];
  /** True if the server listens on a loopback address only. */
  readonly loopback: boolean;
  /** The machine's name. */
  readonly hostname: string;
  /** Whether there is a page at /ui. Default: true. */
  readonly page?: boolean | undefined;
  /** The ways to where models are downloaded from. */
  readonly web?: WebOptions | undefined;
  /** Tells whether a request can be answered now. */
  health(): Health;
}

/** The whole HTTP side, without a socket. */
export function createApp({
  backend,
  log,
  apiKey,
  origins,
  loopback,
  hostname,
  health,
  page = true,
  web,
}: AppOptions): Hono {
  // Paths may end with a slash.
  const app = new Hono({ strict: false });
  app.use(logRequests(log));
  if (loopback) app.use(localHostOnly(hostname));
  app.use(crossOrigin(origins));
  if (apiKey !== undefined) app.use(keyHoldersOnly(apiKey));
  app.use(showWarnings(log));
  app.use(releaseAfterResponse);
  app.use(methodNotAllowed({ app, onMethodNotAllowed: otherMethod }));
  app.route('/', ollamaRoutes(backend, log, { web }));
  for (const base of ['/v1', '/']) {
    app.route(base, openaiRoutes(backend, log));
    app.route(base, responsesRoutes(backend, log));
    app.route(base, anthropicRoutes(backend, log));
  }
  app.route('/', llamaServerRoutes(backend, log, health));
  app.route('/', statusRoutes(backend, log, health));
  if (page) app.route('/', pageRoutes());
  app.notFound((c) => refused(c, new Refusal(404, `there is no ${c.req.method} ${c.req.path}`, { code: 'not_found' })));
  app.onError((error, c) => {
    // The client has left and will not read the reason.
    if (hasLeft(c.req.raw, error)) return new Response(null, { status: 499 });
    logFailure(log, error, c.req.path);
    return refused(c, error);
  });
  return app;
}

/** The response to a path that exists, but not for this method; OPTIONS asks for just that. */
function otherMethod(c: Context, methods: readonly string[]): Response {
  const headers = { allow: methods.join(', ') };
  if (c.req.method === 'OPTIONS') return c.body(null, 204, headers);
  c.header('allow', headers.allow);
  return refused(c, new Refusal(405, `${c.req.path} takes ${headers.allow} only`, { code: 'method_not_allowed' }));
}

/** An error as llama-server's own routes tell it: its clients know a prompt that is too long by the type. */
const ofLlamaServer = (error: ErrorResponse['error']): ErrorResponse['error'] =>
  error.n_ctx === undefined ? error : { ...error, type: 'exceed_context_size_error' };

/** An error in the shape of the API that was asked. */
function refused(c: Context, cause: unknown): Response {
  const { status, error } = errorResponseOf(cause);
  // Clients of OpenAI's API ask again after a 500, which may load a model once more only to fail again.
  if (status === 500) c.header('x-should-retry', 'false');
  const { path } = c.req;
  if (/^(?:\/v1)?\/messages(?:\/|$)/.test(path)) return c.json(anthropicError(cause), status);
  if (/^\/(?:api\/|$)/.test(path)) return c.json({ error: error.message }, status);
  return c.json({ error: path.startsWith('/v1/') ? error : ofLlamaServer(error) }, status);
}
