import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { alike, type KeptText, readText, restoreText, writeText } from './kept-text.ts';
import { type Found, leastKept, longestPrefix, type PrefixStore } from './prefix.ts';
import type { KvShape } from './shape.ts';
import type { KvSlot } from './slot.ts';

const ending = '.kv';
const unfinishedEnding = `${ending}.tmp`;
/** Milliseconds without a write after which an unfinished file is one that a process left when it was killed. */
const abandoned = 3_600_000;

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
  readonly #entries: Set<KeptText> = new Set();

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
    const { tokens } = slot;
    if (tokens.length < leastKept || longestPrefix(this.#entries, tokens)?.length === tokens.length) return;
    const { identity, capacity, warn } = this.#options;
    if (slot.pieces(tokens.length).reduce((sum, piece) => sum + piece.length, 0) > capacity) return;
    const name = join(this.#folder, randomUUID());
    const [path, unfinished] = [`${name}${ending}`, `${name}${unfinishedEnding}`];
    try {
      const entry = { ...(await writeText(unfinished, { identity }, slot)), path };
      await rename(unfinished, path);
      const covered = [...this.#entries].filter(({ tokens: old }) =>
        old.every((token, i) => token === entry.tokens[i]),
      );
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
    const found: { entry: KeptText; time: number }[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.endsWith(unfinishedEnding)) await removeAbandoned(path).catch(() => {});
      if (!name.endsWith(ending)) continue;
      const entry = await readText(path).catch(() => undefined);
      if (!entry || entry.identity !== identity || !alike(entry.shape, shape)) continue;
      found.push({ entry, time: (await stat(path)).mtimeMs });
    }
    found.sort((a, b) => a.time - b.time);
    for (const { entry } of found) this.#entries.add(entry);
    await this.#makeRoom();
  }

  async #restore(entry: KeptText, slot: KvSlot, wanted: number): Promise<boolean> {
    try {
      await restoreText(entry, slot, wanted);
      // Where the folder may be read only, the order of use is lost with the process.
      await utimes(entry.path, new Date(), new Date()).catch(() => {});
    } catch (error) {
      // If it made room for another meanwhile, nothing is wrong.
      if (this.#entries.has(entry)) this.#options.warn(error as Error);
      await this.#drop(entry);
      return false;
    }
    if (this.#entries.delete(entry)) this.#entries.add(entry);
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

  async #drop(entry: KeptText): Promise<void> {
    this.#entries.delete(entry);
    await rm(entry.path, { force: true }).catch(() => {});
  }
}

async function removeAbandoned(path: string): Promise<void> {
  const { mtimeMs } = await stat(path);
  if (Date.now() - mtimeMs > abandoned) await rm(path);
}
