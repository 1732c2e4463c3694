import type { FileHandle } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { at } from '../base/at.ts';
import { openRegularFile } from '../base/regular-file.ts';
import { dropPageCache } from '../ggml/system.ts';
import { mostPieceBytes, type StatePiece } from './layer-state.ts';
import { decodeHeader, encodeHeader, headerBytes, isOurs, preludeBytes, type SavedHeader } from './saved-header.ts';
import type { SequenceCache } from './sequence-cache.ts';

/** A text with its keys and values in a file. */
export interface SavedText extends SavedHeader {
  readonly path: string;
  /** Bytes of the file, and where the pieces begin. */
  readonly bytes: number;
  readonly start: number;
}

/** True if the pieces of the text in `cache` are small enough to be in memory on their way to a file. */
export const fitsFile = (cache: Pick<SequenceCache, 'pieces' | 'tokens'>): boolean =>
  cache.pieces(cache.tokens.length).every(({ length }) => length <= mostPieceBytes);

/**
 * Writes the text in `cache` to a new file, in the order of its pieces; one that does not fit, of no form, without them.
 * Rejects with the system's errors.
 */
export async function writeText(
  file: FileHandle,
  { identity, about }: Pick<SavedHeader, 'identity' | 'about'>,
  cache: SequenceCache,
): Promise<Omit<SavedText, 'path'>> {
  const tokens = Int32Array.from(cache.tokens);
  const { exact, written, snapshots } = cache;
  const isWhole = fitsFile(cache);
  const pieces = isWhole ? cache.pieces(tokens.length) : [];
  const sums: [number, number][] = [];
  for (const piece of pieces) {
    sums.push([piece.length, crc32(await cache.read(piece))]);
    // Checksums of a gigabyte take a second: others have their turn.
    await setImmediate();
  }
  const stored = { tokens, exact, written, snapshots };
  const header: SavedHeader = { identity, form: isWhole ? cache.state.form : '', ...stored, about, pieces: sums };
  const head = encodeHeader(header);
  for (const part of head) await writeAll(file, part);
  for (const piece of pieces) await writeAll(file, await cache.read(piece));
  await file.datasync();
  const start = head.reduce((sum, { length }) => sum + length, 0);
  const bytes = pieces.reduce((sum, { length }) => sum + length, start);
  dropPageCache(file.fd, 0, bytes);
  return { ...header, bytes, start };
}

/** True if a file begins as ours do. */
export async function isText(path: string): Promise<boolean> {
  try {
    await using file = await openRegularFile(path);
    const prelude = Buffer.alloc(preludeBytes);
    await readAll(file, prelude, 0);
    return isOurs(prelude);
  } catch {
    return false;
  }
}

/**
 * Reads the header of a kept text. Rejects if the file is not ours, was not written to its end, or has an impossible
 * header.
 */
export async function readText(path: string): Promise<SavedText> {
  await using file = await openRegularFile(path);
  const { size } = await file.stat();
  const prelude = Buffer.alloc(preludeBytes);
  await readAll(file, prelude, 0);
  const text = Buffer.alloc(headerBytes(prelude, size));
  await readAll(file, text, preludeBytes);
  const header = decodeHeader(prelude, text);
  const start = preludeBytes + text.length;
  if (header.pieces.reduce((sum, [bytes]) => sum + bytes, start) !== size) throw new Error('it is not whole');
  return { ...header, path, bytes: size, start };
}

/**
 * Puts the first `count` tokens into a cache that is alike and can be copied, in place of its text. After a rejection the
 * cache is empty.
 */
export async function restoreText(text: SavedText, cache: SequenceCache, count: number): Promise<void> {
  cache.truncate(0);
  cache.adapt();
  await using file = await openRegularFile(text.path);
  let at = text.start;
  for (const { piece, length, sum } of piecesOf(text, cache, count)) {
    if (piece.needed > 0) {
      const bytes = new Uint8Array(length);
      await readAll(file, bytes, at);
      if (crc32(bytes) !== sum) throw new Error(`${text.path} is damaged`);
      await cache.write(piece, bytes.subarray(0, piece.needed));
    }
    at += length;
  }
  dropPageCache(file.fd, 0, text.bytes);
  cache.assign(text.tokens.subarray(0, count), text.exact, text.written);
}

/** The pieces of the file, as a cache that is alike has them. Throws if it cannot hold them so. */
function piecesOf(
  { path, tokens, snapshots, pieces }: SavedText,
  cache: SequenceCache,
  count: number,
): readonly { readonly piece: StatePiece; readonly length: number; readonly sum: number }[] {
  const expected = cache.pieces(tokens.length, count, snapshots);
  if (count > cache.state.context || expected.length !== pieces.length) throw new Error(`${path} is damaged`);
  return expected.map((piece, i) => {
    const [length, sum] = at(pieces, i);
    if (length !== piece.length) throw new Error(`${path} is damaged`);
    return { piece, length, sum };
  });
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done);
    done += bytesWritten;
  }
}

async function readAll(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error('the file ends early');
    done += bytesRead;
  }
}
