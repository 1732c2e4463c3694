import { createHash } from 'node:crypto';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBytes } from '../base/bytes.ts';
import { makeFolder } from '../base/folder.ts';
import { reasonOf } from '../base/regular-file.ts';
import { removeUnfinished, replaceFile } from '../base/replace-file.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import { mostPieceBytes } from './layer-state.ts';
import {
  coveredBy,
  isSaved,
  longestPrefix,
  minSavedTokens,
  type PrefixMatch,
  type PrefixStore,
  type Usable,
} from './prefix.ts';
import { fitsFile, isText, readText, restoreText, type SavedText, writeText } from './saved-text.ts';
import type { SequenceCache } from './sequence-cache.ts';

const ending = '.kv';
/**
 * The most tokens of all known texts: they take 4 MiB. Beyond, the texts that were not used for longest are not looked
 * up.
 */
const mostKnown = 2 ** 20;

export interface PrefixFilesOptions {
  /** A name for the model's file and everything else that keys and values depend on. */
  readonly identity: string;
  /** The form of all caches that are kept and restored. */
  readonly form: string;
  /** Bytes that all texts in the folder may take together, those of other models included. */
  readonly capacity: number;
  /** Hears of failures; the cache goes on without. */
  readonly warn: (reason: Error) => void;
}

/** One of our files, of this model or another. */
interface File {
  readonly path: string;
  readonly bytes: number;
  /** The time of its last use, in milliseconds. */
  readonly time: number;
}

/**
 * Keys and values of earlier texts in a folder, across restarts. Processes may share the folder; the texts that were
 * not used for longest make room. Stale, torn and foreign files are ignored.
 */
export class PrefixFiles implements PrefixStore {
  /** Bytes of the texts that were written. */
  bytesWritten = 0;
  readonly #folder: string;
  readonly #options: PrefixFilesOptions;
  /** Known texts in the order of last use. */
  readonly #entries: Set<SavedText> = new Set();
  #lastUse = 0;
  /** Ends when the texts that are to be kept are. */
  #keeping: Promise<void> = Promise.resolve();

  private constructor(folder: string, options: PrefixFilesOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  /** Reads the folder. Never rejects: a folder that cannot be used is as good as an empty one. */
  static async open(folder: string, options: PrefixFilesOptions): Promise<PrefixFiles> {
    const files = new PrefixFiles(folder, options);
    try {
      makeFolder(folder);
      removeUnfinished(folder);
      await files.#scan();
    } catch (error) {
      options.warn(error as Error);
    }
    return files;
  }

  longestMatch(tokens: ReadonlyTokens, usable?: Usable): PrefixMatch | undefined {
    const best = longestPrefix(this.#entries, tokens, usable);
    if (!best) return undefined;
    const { entry, length } = best;
    return { length, restore: (cache, count) => this.#restore(entry, cache, count) };
  }

  /** Texts are kept one after the other: one that made room could remove another that is written but not known yet. */
  save(cache: SequenceCache): Promise<void> {
    const kept = this.#keeping.then(() => this.#keep(cache));
    this.#keeping = kept.catch(() => {});
    return kept;
  }

  async #keep(cache: SequenceCache): Promise<void> {
    const { tokens } = cache;
    if (tokens.length < minSavedTokens || isSaved(this.#entries, cache)) return;
    const { identity, capacity, warn } = this.#options;
    const needed = cache.pieces(tokens.length).reduce((sum, piece) => sum + piece.length, 0);
    const path = join(this.#folder, this.#nameOf(tokens));
    try {
      if (!fitsFile(cache)) {
        throw new Error(
          `its ${tokens.length} tokens take ${formatBytes(needed)}, of which this model has no small parts; at most ${formatBytes(mostPieceBytes)} are copied at once`,
        );
      }
      if (needed > capacity) {
        throw new Error(
          `${tokens.length} tokens take ${formatBytes(needed)}, more than the ${formatBytes(capacity)} of the prompt cache`,
        );
      }
      await this.#makeRoom(needed);
      // Another process may have kept it since this one looked.
      const there = await readText(path).catch(() => undefined);
      const entry = there ?? { ...(await replaceFile(path, (file) => writeText(file, { identity }, cache))), path };
      if (!there) this.bytesWritten += entry.bytes;
      const covered = coveredBy(this.#entries, cache);
      await this.#used(entry);
      for (const old of covered) await this.#drop(old.path);
      await this.#makeRoom();
    } catch (cause) {
      warn(new Error(`the prompt is not kept in ${this.#folder} (${reasonOf(cause)})`, { cause }));
    }
  }

  /** One name for one text of one model, so that processes that keep it at once keep one copy. */
  #nameOf(tokens: ReadonlyTokens): string {
    const { identity, form } = this.#options;
    const hash = createHash('sha256').update(JSON.stringify([identity, form]));
    return `${hash.update(Int32Array.from(tokens)).digest('hex').slice(0, 32)}${ending}`;
  }

  async #scan(): Promise<void> {
    const { identity, form } = this.#options;
    await this.#makeRoom();
    for (const { path } of await this.#files()) {
      const entry = await readText(path).catch(() => undefined);
      if (entry?.identity === identity && entry.form === form) this.#know(entry);
    }
  }

  async #restore(entry: SavedText, cache: SequenceCache, count: number): Promise<boolean> {
    try {
      await restoreText(entry, cache, count);
    } catch (error) {
      // A file that made room for another meanwhile is no error.
      if (this.#entries.has(entry)) this.#options.warn(error as Error);
      await this.#drop(entry.path);
      return false;
    }
    if (this.#entries.has(entry)) await this.#used(entry);
    return true;
  }

  /** The texts in the folder, the one not used for longest first. */
  async #files(): Promise<readonly File[]> {
    const own = [...this.#entries].map(({ path }) => path);
    const files: File[] = [];
    for (const name of await readdir(this.#folder)) {
      const path = join(this.#folder, name);
      if (!name.endsWith(ending) || !(own.includes(path) || (await isText(path)))) continue;
      const stats = await stat(path).catch(() => undefined);
      if (stats) files.push({ path, bytes: stats.size, time: stats.mtimeMs });
    }
    return files.sort((a, b) => a.time - b.time);
  }

  /** Makes a text the latest of all. */
  #know(entry: SavedText): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
    let known = [...this.#entries].reduce((sum, { tokens }) => sum + tokens.length, 0);
    for (const old of this.#entries) {
      if (known <= mostKnown) return;
      known -= old.tokens.length;
      this.#entries.delete(old);
    }
  }

  async #used(entry: SavedText): Promise<void> {
    this.#know(entry);
    this.#lastUse = Math.max(Date.now(), this.#lastUse + 1);
    const now = this.#lastUse / 1000;
    // A folder that may only be read loses the order of use with the process.
    await utimes(entry.path, now, now).catch(() => {});
  }

  async #makeRoom(needed = 0): Promise<void> {
    const files = await this.#files();
    let total = files.reduce((sum, { bytes }) => sum + bytes, needed);
    for (const { path, bytes } of files) {
      if (total <= this.#options.capacity) return;
      total -= bytes;
      await this.#drop(path);
    }
  }

  async #drop(path: string): Promise<void> {
    for (const entry of this.#entries) if (entry.path === path) this.#entries.delete(entry);
    await rm(path, { force: true }).catch(() => {});
  }
}
