import { type FileHandle, open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { dropPageCache } from '../ggml/system.ts';
import { type KvShape, kvPieces } from './shape.ts';
import type { KvSlot } from './slot.ts';

const magic = 'ssd-llm keys and values 3\n';
/** Bytes of the length and the checksum of the header, which follow the magic. */
const lengthBytes = 4;
const sumBytes = 4;
const longestHeader = 64 * 2 ** 20;

interface Header {
  /** Names the model's file and everything else that keys and values depend on. */
  readonly identity: string;
  readonly shape: KvShape;
  readonly tokens: readonly number[];
  readonly exact: number;
  readonly written: number;
  /** Whatever is to be known of the text beside. */
  readonly about?: unknown;
  /** Bytes and checksum of each piece. */
  readonly pieces: readonly (readonly [number, number])[];
}

/** A text with its keys and values in a file. */
export interface KeptText extends Header {
  readonly path: string;
  /** Bytes of the file, and where the pieces begin. */
  readonly bytes: number;
  readonly start: number;
}

/** What was kept of a model with one shape is of use for the other. Where keys and values live makes no difference to them. */
export function alike(a: KvShape, b: KvShape): boolean {
  const compared = ({ homes, context, ...shape }: KvShape): string =>
    // Without windows the first tokens have the same rows in any context.
    JSON.stringify(shape.windows ? { ...shape, context } : shape);
  return compared(a) === compared(b);
}

/** Writes a new file: what `slot` holds. Rejects with the system's errors; then the file may be there in part. */
export async function writeText(
  path: string,
  { identity, about }: Pick<Header, 'identity' | 'about'>,
  slot: KvSlot,
): Promise<KeptText> {
  const tokens = [...slot.tokens];
  const { exact, written } = slot;
  const pieces = slot.pieces(tokens.length);
  const sums: [number, number][] = [];
  for (const piece of pieces) {
    sums.push([piece.length, crc32(await slot.read(piece))]);
    // A gigabyte takes a second: others have their turn.
    await setImmediate();
  }
  const header: Header = { identity, shape: slot.kv.shape, tokens, exact, written, about, pieces: sums };
  const text = Buffer.from(JSON.stringify(header));
  const numbers = Buffer.alloc(lengthBytes + sumBytes);
  numbers.writeUInt32LE(text.length);
  numbers.writeUInt32LE(crc32(text), lengthBytes);
  const head = Buffer.concat([Buffer.from(magic), numbers, text]);
  await using file = await open(path, 'wx');
  await file.writev([head]);
  for (const piece of pieces) await file.writev([await slot.read(piece)]);
  await file.datasync();
  const { size } = await file.stat();
  const expected = pieces.reduce((sum, { length }) => sum + length, head.length);
  if (size !== expected) throw new Error(`${path} was not written as a whole`);
  dropPageCache(file.fd, 0, size);
  return { ...header, path, bytes: size, start: head.length };
}

/** Rejects if the file is not one of ours, or was not written to its end. */
export async function readText(path: string): Promise<KeptText> {
  await using file = await open(path);
  const { size } = await file.stat();
  const prelude = Buffer.alloc(magic.length + lengthBytes + sumBytes);
  await readAll(file, prelude, 0);
  const length = prelude.readUInt32LE(magic.length);
  if (prelude.toString('latin1', 0, magic.length) !== magic || length > longestHeader) throw new Error('not ours');
  const text = Buffer.alloc(length);
  await readAll(file, text, prelude.length);
  if (crc32(text) !== prelude.readUInt32LE(magic.length + lengthBytes)) throw new Error('damaged');
  const header = JSON.parse(text.toString()) as Header;
  const start = prelude.length + length;
  if (header.pieces.reduce((sum, [bytes]) => sum + bytes, start) !== size) throw new Error('torn');
  return { ...header, path, bytes: size, start };
}

/** Puts the first `wanted` tokens into a slot that is alike, in the place of what is there. If it rejects, nothing is there. */
export async function restoreText(text: KeptText, slot: KvSlot, wanted: number): Promise<void> {
  slot.keep(0);
  await using file = await open(text.path);
  let at = text.start;
  // The context it was kept in may have been another one.
  for (const [i, piece] of kvPieces(text.shape, text.tokens.length, wanted).entries()) {
    const [length, sum] = text.pieces[i] ?? [0, 0];
    if (piece.needed > 0) {
      const bytes = new Uint8Array(length);
      await readAll(file, bytes, at);
      if (crc32(bytes) !== sum) throw new Error(`${text.path} is damaged`);
      await slot.write(piece, bytes.subarray(0, piece.needed));
    }
    at += length;
  }
  dropPageCache(file.fd, 0, text.bytes);
  slot.hold(text.tokens.slice(0, wanted), text.exact, text.written);
}

async function readAll(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error('the file ends early');
    done += bytesRead;
  }
}
