import { connect, type Socket } from 'node:net';
import { setInterval } from 'node:timers';

/** An unwanted client's bytes, and the expected outcome. */
export interface Garbage {
  readonly name: string;
  /** Raw bytes of the whole request, with a path and a length, or whatever else is sent. */
  readonly bytes: Uint8Array;
  /** Status of the answer; undefined where none is waited for. */
  readonly status: number | undefined;
  /** Bytes that are sent one by one after the others, as long as the connection lasts. */
  readonly drip?: string;
}

const large = 50e6;

const head = (path: string, headers: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n\r\n`;

function request(path: string, body: string | Uint8Array): Uint8Array {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return Buffer.concat([Buffer.from(head(path, `Content-Length: ${bytes.length}`)), bytes]);
}

/** In pieces of a million bytes, as of a client that does not know the length before. */
function chunked(path: string, bytes: number): Uint8Array {
  const piece = Buffer.from(`f4240\r\n${'x'.repeat(1e6)}\r\n`);
  const pieces = Array.from({ length: bytes / 1e6 }, () => piece);
  return Buffer.concat([Buffer.from(head(path, 'Transfer-Encoding: chunked')), ...pieces, Buffer.from('0\r\n\r\n')]);
}

/** Requests that are not valid, and worse, for the model `model`. */
export function garbageFor(model: string): readonly Garbage[] {
  const generate = (rest: string): Uint8Array => request('/api/generate', `{"model":"${model}",${rest}}`);
  const chat = (rest: string): Uint8Array => request('/v1/chat/completions', `{"model":"${model}",${rest}}`);
  const message = '"messages":[{"role":"user","content":"x"}]';
  const show = Buffer.from(`${head('/api/show', `Content-Length: ${model.length + 12}`)}{"model":"${model}"}`);
  const invalid = Buffer.concat([
    Buffer.from(`{"model":"${model}","stream":false,"options":{"num_predict":1},"prompt":"`),
    Buffer.from([0x80, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80]),
    Buffer.from('"}'),
  ]);
  return [
    { name: 'malformed JSON', bytes: request('/api/chat', '{"model": '), status: 400 },
    { name: 'a body of nothing', bytes: request('/api/chat', ''), status: 400 },
    { name: 'a body of 50 MB', bytes: request('/api/generate', `"${'x'.repeat(large)}"`), status: 413 },
    { name: 'a body of 50 MB of unknown length', bytes: chunked('/v1/completions', large), status: 413 },
    { name: 'millions of brackets', bytes: request('/api/generate', '['.repeat(4e6)), status: 400 },
    { name: 'wrong types', bytes: chat('"messages":{"role":7}'), status: 400 },
    { name: 'numbers beyond all bounds', bytes: chat(`${message},"max_tokens":1e400`), status: 400 },
    { name: 'options beyond all bounds', bytes: generate('"prompt":"x","options":{"top_k":1e300}'), status: 400 },
    { name: 'tokens that are none', bytes: generate('"prompt":"x","context":[4294967295]'), status: 400 },
    { name: 'a prompt of 4 MB', bytes: generate(`"prompt":"${'word '.repeat(8e5)}"`), status: 400 },
    {
      name: 'a million stop texts',
      bytes: chat(`${message},"stop":["${Array(1e6).fill('s').join('","')}"]`),
      status: 413,
    },
    { name: 'invalid UTF-8', bytes: request('/api/generate', invalid), status: 200 },
    { name: 'no HTTP', bytes: Buffer.from('\x16\x03\x01 hello\r\n\r\n'), status: 400 },
    { name: 'headers without an end', bytes: Buffer.from('GET / HTTP/1.1\r\nX: '), status: undefined, drip: 'x' },
    { name: 'a body without an end', bytes: request('/api/chat', 'x').subarray(0, -1), status: undefined, drip: '' },
    { name: 'requests whose answers nobody reads', bytes: Buffer.concat(Array(3000).fill(show)), status: undefined },
  ];
}

/** A connection that reads nothing until it is told to. */
export function connection(port: string | number): Socket {
  const socket = connect({ host: '127.0.0.1', port: Number(port) });
  socket.on('error', () => {});
  return socket.pause();
}

/** Sends it, and resolves to the status of the answer; of one that waits for none, when `over` has resolved. */
export async function send(
  port: string,
  { bytes, status, drip }: Garbage,
  over: Promise<unknown>,
): Promise<number | undefined> {
  const socket = connection(port);
  socket.write(bytes);
  const timer = drip === undefined ? undefined : setInterval(() => socket.write(drip), 100);
  try {
    if (status !== undefined) return await statusOf(socket);
    await over;
    return undefined;
  } finally {
    clearInterval(timer);
    socket.destroy();
  }
}

/** Status of the first answer; NaN if the connection ends before. */
function statusOf(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    socket.setEncoding('latin1').on('close', () => resolve(Number.NaN));
    socket.resume().on('data', (text: string) => resolve(Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1])));
  });
}
