import { Readable, type Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { Refusal } from '../refusal.ts';

interface Coding {
  make(): Transform;
  /** Bytes that decoding takes beside its result, at most. */
  readonly memory: number;
}

const mebibyte = 2 ** 20;
const inflating = { memory: mebibyte / 8 };

/** Zstandard, which Node has from 22.15 on. Clients do not use windows of more than 8 MiB for messages. */
function zstd(): Readonly<Record<string, Coding>> {
  // The types are those of Node 20, which has none.
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
/** The most codings on top of each other. */
const mostCodings = 2;

/** The bytes of a body as they were before compression. */
export interface DecodedBody {
  /** Bytes that decoding takes beside them, at most. */
  readonly memory: number;
  /**
   * Pieces of the body. Rejects with a Refusal if it is not compressed as it says. Leaving the iteration does not cut
   * the connection.
   */
  readonly pieces: AsyncGenerator<Uint8Array, void, void>;
}

/** The body of a request, whatever its Content-Encoding. Throws a Refusal for an unknown one. */
export function decodeBody({ headers, body }: Request): DecodedBody {
  const names = (headers.get('content-encoding') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  const found = names.flatMap((name) => {
    const coding = Object.hasOwn(codings, name) ? codings[name] : undefined;
    return coding ? [coding] : [];
  });
  if (found.length < names.length || found.length > mostCodings) {
    const known = Object.keys(codings).join(', ');
    throw new Refusal(415, `content-encoding: expected one of ${known}`, { code: 'unsupported_encoding' });
  }
  const memory = found.reduce((sum, coding) => sum + coding.memory, 0);
  if (!body) return { memory, pieces: none() };
  return { memory, pieces: found.length === 0 ? plain(body) : uncompressed(body, found.reverse()) };
}

async function* none(): AsyncGenerator<Uint8Array, void, void> {}

/** The pieces of a body. A `for await` over it would cancel it when it is left. */
async function* plain(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** The pieces of a body after decompression. `found` are the codings to undo, the last one first. */
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
