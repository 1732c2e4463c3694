import type { Context } from 'hono';
import * as z from 'zod';
import type { PullEvent } from '../../download/download.ts';
import { alreadyThere, pullSource } from '../../download/pull-source.ts';
import { jsonBody } from '../request/body.ts';
import { reservationOf } from '../request/reservations.ts';
import type { Write } from '../streaming.ts';
import { nameIn, storeOf } from './create.ts';
import { type OllamaService, streamResponse } from './respond.ts';

/** Bytes that a download takes: what its connections have read, a header, what is summed up. */
const pullBytes = 16 * 2 ** 20;
/** Milliseconds between two lines about the bytes of a file. */
const interval = 100;

const text = z.string().nullish();
const pullRequest = z.object({
  model: text,
  name: text,
  stream: z.boolean().nullish(),
  insecure: z.boolean().nullish(),
});
const fields = ['model', 'name', 'stream', 'insecure', 'username', 'password'];

/** A line of Ollama's: clients know bars by their digest, and make a line of each other status. */
interface PullStatus {
  readonly status: string;
  readonly digest?: string;
  readonly total?: number;
  readonly completed?: number;
}

function statusOf(event: PullEvent): PullStatus {
  switch (event.kind) {
    case 'manifest':
      return { status: 'pulling manifest' };
    case 'note':
      return { status: event.text };
    case 'waiting':
      return { status: 'waiting for another download of this model' };
    case 'bytes': {
      const { file: digest, part } = event;
      const short = digest.replace(/^sha256:/, '').slice(0, 12);
      return { status: `pulling ${short}`, digest, total: part.total, completed: part.done };
    }
    case 'checking':
      return { status: 'verifying sha256 digest' };
    case 'writing':
      return { status: 'writing manifest' };
    default:
      return event satisfies never;
  }
}

/** Downloads a model, and tells the progress line by line. A model that is there already is a success. */
export async function pull(service: OllamaService, c: Context): Promise<Response> {
  const { raw } = c.req;
  const { backend, web } = service;
  const body = await jsonBody(c.req, pullRequest, fields);
  const name = nameIn(body.model || body.name);
  const insecure = body.insecure ?? false;
  const there = alreadyThere(name, (wanted, options) => backend.find(wanted, options));
  const store = there ? undefined : storeOf(backend);
  // A bad name is refused before anything is sent.
  if (store) pullSource(name);
  reservationOf(raw).add(pullBytes);
  const stream = body.stream ?? true;
  return streamResponse(service, raw, stream ? 'application/x-ndjson' : 'application/json', async (write, signal) => {
    const lines = new StatusLines(stream ? write : () => Promise.resolve());
    const onEvent = (event: PullEvent): void => lines.push(statusOf(event));
    if (store) {
      // Few servers download, and the code for that takes megabytes.
      const { pullModel } = await import('../../download/pull-model.ts');
      await pullModel(name, { web, store, signal, insecure, onEvent });
    } else onEvent({ kind: 'manifest' });
    await lines.end();
    await write(`${JSON.stringify({ status: 'success' })}${stream ? '\n' : ''}`);
  });
}

/** Lines of a download, each status once; of the bytes of a file not all that there could be. */
class StatusLines {
  readonly #write: Write;
  #sent: Promise<void> = Promise.resolve();
  #last: PullStatus | undefined;
  #time = 0;

  constructor(write: Write) {
    this.#write = write;
  }

  push(status: PullStatus): void {
    const { completed, total } = status;
    const now = performance.now();
    const isMore = completed !== this.#last?.completed && (completed === total || now - this.#time >= interval);
    if (status.status === this.#last?.status && !isMore) return;
    this.#last = status;
    this.#time = now;
    this.#sent = this.#sent.then(() => this.#write(`${JSON.stringify(status)}\n`));
    // The failure is met at the end.
    this.#sent.catch(() => {});
  }

  /** Resolves when all lines have been sent. */
  end(): Promise<void> {
    return this.#sent;
  }
}
