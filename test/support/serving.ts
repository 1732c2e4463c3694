import type { Hono } from 'hono';
import { urlOf } from '../../src/http/address.ts';
import { type ListenOptions, listen, type RunningServer } from '../../src/http/server.ts';

/** A server on a free port of this machine, at `url`. Disposing of it closes it at once. */
export async function serving(
  app: Pick<Hono, 'fetch'>,
  options: Partial<ListenOptions> = {},
): Promise<RunningServer & AsyncDisposable & { readonly url: string }> {
  const server = await listen(app, { host: '127.0.0.1', port: 0, ...options });
  return { ...server, url: urlOf(server.address), [Symbol.asyncDispose]: () => server.close(0) };
}
