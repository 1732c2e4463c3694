import { randomUUID } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { dropPageCache } from '../ggml/system.ts';
import { type Found, leastKept, longestPrefix, type PrefixStore } from './prefix.ts';
import type { KvShape } from './shape.ts';
import type { KvSlot } from './slot.ts';

const magic = 'ssd-llm keys and values 2\n';
const ending = '.kv';
const unfinishedEnding = `${ending}.tmp`;
/** Milliseconds without a write after which an unfinished file is one that a process left when it was killed. */
const abandoned = 3_600_000;
/** Bytes of the length and the checksum of the header, which follow the magic. */
const lengthBytes = 4;
const sumBytes = 4;
const longestHeader = 64 * 2 ** 20;

interface Header {
  /** What the keys and values belong to: see `PrefixFiles`. */
  readonly identity: string;
  readonly shape: KvShape;
  readonly tokens: readonly number[];
  readonly exact: number;
  readonly written: number;
  /** Bytes and checksum of each piece. */
  readonly pieces: readonly (readonly [number, number])[];
}

interface Entry extends Header {
  readonly path: string;
  /** Bytes of the file, and where the pieces begin. */
  readonly bytes: number;
  readonly start: number;
}

export interface PrefixFilesOptions {
  /** Names the model's file and everything else that keys and values depend on. */
  readonly identity: string;
  readonly shape: KvShape;
  /** Bytes that the files of this identity may take together. */
  readonly capacity: number;
  /** Told what went wrong; the cache goes on without. */
  readonly warn: (reason: Error) => void;
}

/** Keys and values of earlier texts in a folder, across restarts. What is stale, torn or not ours is ignored. */
export class PrefixFiles implements PrefixStore {
  readonly #folder: string;
  readonly #options: PrefixFilesOptions;
  /** In the order of last use. */
  readonly #entries: Set<Entry> = new Set();

  private constructor(folder: string, options: PrefixFilesOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Finds what is there. Never rejects: a folder that cannot be used is as good as an empty one. */
  static async open(folder: string, options: PrefixFilesOptions): Promise<PrefixFiles> {
    const files = new PrefixFiles(folder, options);
    try {
      await mkdir(folder, { recursive: true });
      await files.#scan();
    } catch (error) {
      options.warn(error as Error);
    }
    return files;
  }

  longest(tokens: readonly number[]): Found | undefined {
    const best = longestPrefix(this.#entries, tokens);
    if (!best) return undefined;
    const { entry, length } = best;
    const { exact, written } = entry;
    return { length, exact, written, restore: (slot, wanted) => this.#restore(entry, slot, wanted) };
  }

  async keep(slot: KvSlot): Promise<void> {
    const tokens = [...slot.tokens];
    if (tokens.length < leastKept || longestPrefix(this.#entries, tokens)?.length === tokens.length) return;
    const { identity, capacity, warn } = this.#options;
    const pieces = slot.pieces(tokens.length);
    if (pieces.reduce((sum, piece) => sum + piece.length, 0) > capacity) return;
    const name = join(this.#folder, randomUUID());
    const [path, unfinished] = [`${name}${ending}`, `${name}${unfinishedEnding}`];
    try {
      const sums: [number, number][] = [];
      for (const piece of pieces) {
        sums.push([piece.length, crc32(await slot.read(piece))]);
        // A gigabyte takes a second: others have their turn.
        await setImmediate();
      }
      const { exact, written } = slot;
      const header: Header = { identity, shape: slot.kv.shape, tokens, exact, written, pieces: sums };
      const entry = { ...header, path, ...(await write(unfinished, header, slot)) };
      await rename(unfinished, path);
      const covered = [...this.#entries].filter(({ tokens: old }) => old.every((token, i) => token === tokens[i]));
      this.#entries.add(entry);
      for (const old of covered) await this.#drop(old);
      await this.#makeRoom();
    } catch (error) {
      await rm(unfinished, { force: true }).catch(() => {});
      warn(error as Error);
    }
  }

  async #scan(): Promise<void> {
    const { identity, shape } = this.#options;
    const found: { entry: Entry; time: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.endsWith(unfinishedEnding)) await removeAbandoned(path).catch(() => {});
      if (!name.endsWith(ending)) continue;
      const entry = await readEntry(path).catch(() => undefined);
      if (!entry || entry.identity !== identity || !alike(entry.shape, shape)) continue;
      found.push({ entry, time: (await stat(path)).mtimeMs });
    }
    found.sort((a, b) => a.time - b.time);
    for (const { entry } of found) this.#entries.add(entry);
    await this.#makeRoom();
  }

  async #restore(entry: Entry, slot: KvSlot, wanted: number): Promise<boolean> {
    slot.keep(0);
    try {
      await using file = await open(entry.path);
      let at = entry.start;
      for (const [i, piece] of slot.pieces(entry.tokens.length, wanted).entries()) {
        const [length, sum] = entry.pieces[i] ?? [0, 0];
        if (piece.needed > 0) {
          const bytes = new Uint8Array(length);
          await readAll(file, bytes, at);
          if (crc32(bytes) !== sum) throw new Error(`${entry.path} is damaged`);
          await slot.write(piece, bytes.subarray(0, piece.needed));
        }
        at += length;
      }
      dropPageCache(file.fd, 0, entry.bytes);
      // Where the folder may be read only, the order of use is lost with the process.
      await utimes(entry.path, new Date(), new Date()).catch(() => {});
    } catch (error) {
      // If it made room for another meanwhile, nothing is wrong.
      if (this.#entries.has(entry)) this.#options.warn(error as Error);
      await this.#drop(entry);
      return false;
    }
    if (this.#entries.delete(entry)) this.#entries.add(entry);
    slot.hold(entry.tokens.slice(0, wanted), entry.exact, entry.written);
    return true;
  }

  async #makeRoom(): Promise<void> {
    let total = [...this.#entries].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const entry of this.#entries) {
      if (total <= this.#options.capacity) return;
      total -= entry.bytes;
      await this.#drop(entry);
    }
  }

  async #drop(entry: Entry): Promise<void> {
    this.#entries.delete(entry);
    await rm(entry.path, { force: true }).catch(() => {});
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > abandoned) await rm(path);
}

/** Where keys and values live makes no difference to them. */
const alike = (a: KvShape, b: KvShape): boolean =>
  JSON.stringify({ ...a, homes: undefined }) === JSON.stringify({ ...b, homes: undefined });

/** Writes a file whole: what `slot` holds of the tokens. Returns its bytes, and where the pieces begin. */
async function write(path: string, header: Header, slot: KvSlot): Promise<{ bytes: number; start: number }> {
  const text = Buffer.from(JSON.stringify(header));
  const numbers = Buffer.alloc(lengthBytes + sumBytes);
  numbers.writeUInt32LE(text.length);
  numbers.writeUInt32LE(crc32(text), lengthBytes);
  const head = Buffer.concat([Buffer.from(magic), numbers, text]);
  await using file = await open(path, 'wx');
  await file.writev([head]);
  for (const piece of slot.pieces(header.tokens.length)) await file.writev([await slot.read(piece)]);
  await file.datasync();
  const { size } = await file.stat();
  const expected = header.pieces.reduce((sum, [bytes]) => sum + bytes, head.length);
  if (size !== expected) throw new Error(`${path} was not written as a whole`);
  dropPageCache(file.fd, 0, size);
  return { bytes: size, start: head.length };
}

/** Rejects if the file is not one of ours, or was not written to its end. */
async function readEntry(path: string): Promise<Entry> {
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

async function readAll(file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await file.read(into, done, into.length - done, position + done);
    if (bytesRead === 0) throw new Error('the file ends early');
    done += bytesRead;
  }
}
