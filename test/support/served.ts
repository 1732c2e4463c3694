import type { Hono } from 'hono';
import { type AppOptions, createApp } from '../../src/http/app.ts';
import { FakeBackend, FakeLog } from './fake-backend.ts';

/** The HTTP side as a whole before a fake backend, and what it logged. */
export interface Served {
  readonly backend: FakeBackend;
  readonly log: FakeLog;
  readonly app: Hono;
}

export function served(options: Partial<AppOptions> = {}, backend: FakeBackend = new FakeBackend()): Served {
  const log = new FakeLog();
  const plain = { origins: [], loopback: false, hostname: 'workstation', health: () => 'ok' as const };
  return { backend, log, app: createApp({ ...plain, backend, log, ...options }) };
}

/** A POST of JSON; a string goes as it is. */
export const post = async (
  { app }: Pick<Served, 'app'>,
  path: string,
  body: unknown,
  given: RequestInit = {},
): Promise<Response> =>
  app.request(path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
    ...given,
  });

/** The text of a response; `onBegin` is called when some of it has come. */
export async function readBody({ body }: Response, onBegin: () => void): Promise<string> {
  let text = '';
  for await (const piece of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += piece;
    onBegin();
  }
  return text;
}

/** The data of each server-sent event; comments are left out. */
export const dataOf = (text: string): readonly string[] =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => event.slice('data: '.length));
