import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { Refusal } from './refusal.ts';

interface Coding {
  make(): Transform;
  /** Bytes that decoding takes beside what comes of it, at most. */
  readonly memory: number;
}

const mebibyte = 2 ** 20;
const inflating = { memory: mebibyte / 8 };

/** Node has zstd from 22.15 on. Windows of more than 8 MiB are not what clients use for messages. */
function zstd(): Readonly<Record<string, Coding>> {
  const { createZstdDecompress: create, constants } = zlib as unknown as {
    readonly createZstdDecompress?: (options: object) => Transform;
    readonly constants: { readonly ZSTD_d_windowLogMax: number };
  };
  if (!create) return {};
  return { zstd: { make: () => create({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }), memory: 9 * mebibyte } };
}

const codings: Readonly<Record<string, Coding>> = {
  gzip: { make: () => zlib.createGunzip(), ...inflating },
  'x-gzip': { make: () => zlib.createGunzip(), ...inflating },
  deflate: { make: () => zlib.createInflate(), ...inflating },
  br: { make: () => zlib.createBrotliDecompress(), memory: 17 * mebibyte },
  ...zstd(),
};
/** Nobody compresses more often. */
const mostCodings = 2;

/** The bytes of a body as they were before they were compressed for the way. */
export interface DecodedBody {
  /** Bytes that decoding takes beside, at most. */
  readonly memory: number;
  /** Rejects with a Refusal of what is not compressed as it says. Whoever leaves it does not cut the connection. */
  readonly pieces: AsyncGenerator<Uint8Array, void, void>;
}

/** The body of `request`, whatever its Content-Encoding. Throws a Refusal of one that is not known. */
export function decodeBody({ headers, body }: Request): DecodedBody {
  const names = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const found = names.flatMap((name) => (Object.hasOwn(codings, name) ? (codings[name] ?? []) : []));
  if (found.length < names.length || found.length > mostCodings) {
    const known = Object.keys(codings).join(', ');
    throw new Refusal(415, `content-encoding: expected one of ${known}`, { code: 'unsupported_encoding' });
  }
  const memory = found.reduce((sum, coding) => sum + coding.memory, 0);
  if (!body) return { memory, pieces: none() };
  return { memory, pieces: found.length === 0 ? plain(body) : uncompressed(body, found.reverse()) };
}

async function* none(): AsyncGenerator<Uint8Array, void, void> {}

/** Not by `for await`, which cancels the body when it is left. */
async function* plain(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** `found` are the codings to undo, the last one first. */
async function* uncompressed(
  body: ReadableStream<Uint8Array>,
  found: readonly Coding[],
): AsyncGenerator<Uint8Array, void, void> {
  const source = Readable.from(plain(body), { objectMode: false });
  let cut: Error | undefined;
  let last: Readable = source;
  const stages = found.map((coding) => {
    const stage = coding.make();
    last.on('error', (error) => stage.destroy(error));
    last = last.pipe(stage);
    return stage;
  });
  source.on('error', (error) => {
    cut = error;
  });
  try {
    for await (const piece of last) yield piece;
  } catch (error) {
    if (cut) throw cut;
    const { code = 'damaged' } = error as NodeJS.ErrnoException;
    throw new Refusal(400, `the body is not compressed as content-encoding says (${code})`, {
      code: 'invalid_encoding',
    });
  } finally {
    for (const stage of stages) stage.destroy();
  }
}
