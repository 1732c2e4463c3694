import { at } from '../base/at.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import type { KvStore } from './kv-store.ts';
import { commonPrefix, type PrefixMatch, type PrefixStore } from './prefix.ts';
import type { SequenceCache } from './sequence-cache.ts';

/** Tokens that a store must have more of than the caches before it is copied from. */
const worthCopying = 16;

/** A text whose keys and values are stored: see `SequenceCache`. */
type Stored = Pick<SequenceCache, 'exact' | 'written'>;

export interface CachePoolOptions {
  /** Copies for sequences that lose their cache; looked up in this order. */
  readonly stores: readonly PrefixStore[];
  /**
   * A batch size for exact results: prompts are divided at its multiples and reused only as they were computed; else
   * undefined.
   */
  readonly exactBatch: number | undefined;
}

/** The caches for sequences, and the texts that were left in them. */
export class CachePool {
  readonly all: readonly SequenceCache[];
  readonly #options: CachePoolOptions;
  readonly #taken: Set<SequenceCache> = new Set();
  #clock = 0;

  constructor(all: readonly SequenceCache[], options: CachePoolOptions) {
    this.all = all;
    this.#options = options;
  }

  get free(): boolean {
    return this.#taken.size < this.all.length;
  }

  /**
   * A free cache for `prompt`, and how many of its tokens are stored there already: at most all but one, whose logits
   * are wanted. The rest of the cache's text is copied to a store first, if one has room.
   */
  async acquire(prompt: ReadonlyTokens): Promise<{ cache: SequenceCache; cached: number }> {
    const free = this.all.filter((cache) => !this.#taken.has(cache));
    const usable = (length: number, text: Stored): number => this.#usable(prompt, length, text);
    const rated = free.map((cache) => ({ cache, length: usable(commonPrefix(cache.tokens, prompt), cache) }));
    const longest = Math.max(...rated.map(({ length }) => length));
    const copies = this.#options.stores.flatMap((store) => store.longestMatch(prompt) ?? []);
    let best: { copy: PrefixMatch; length: number } | undefined;
    for (const copy of copies) {
      const length = usable(copy.length, copy);
      if (length > (best?.length ?? longest + worthCopying)) best = { copy, length };
    }
    // Slots with most in common come first, or all if a copy has more; the one left alone for longest is taken.
    const candidates = best ? rated : rated.filter(({ length }) => length === longest);
    const { cache } = candidates.reduce((a, b) => (b.cache.lastUse < a.cache.lastUse ? b : a));
    this.#taken.add(cache);
    cache.lastUse = ++this.#clock;
    if (commonPrefix(cache.tokens, prompt) < cache.tokens.length) await this.#save(cache);
    if (best && (await best.copy.restore(cache, best.length))) return { cache, cached: best.length };
    const cached = usable(commonPrefix(cache.tokens, prompt), cache);
    cache.truncate(cached);
    return { cache, cached };
  }

  /** Frees the cache of a sequence that has ended, once its text is stored where it outlives the process. */
  async release(cache: SequenceCache, outlive?: PrefixStore): Promise<void> {
    await outlive?.save(cache);
    this.#taken.delete(cache);
  }

  /** Forgets the texts that sequences have left in their caches. */
  forget(): void {
    for (const cache of this.all) if (!this.#taken.has(cache)) cache.truncate(0);
  }

  async #save(cache: SequenceCache): Promise<void> {
    const [store] = this.#options.stores;
    await store?.save(cache);
  }

  /**
   * The number of the `length` tokens that a stored text has in common with `prompt` from which it can be continued.
   */
  #usable(prompt: ReadonlyTokens, length: number, { exact, written }: Stored): number {
    const { exactBatch } = this.#options;
    const most = Math.max(0, Math.min(length, prompt.length - 1));
    const computedAlike = Math.min(most, exact);
    const usable = exactBatch === undefined ? most : computedAlike - (computedAlike % exactBatch);
    // All caches are alike.
    return at(this.all, 0).canTrim(usable, written) ? usable : 0;
  }
}

/** A store to compute on for measuring: the text in its cache is forgotten. */
export function scratchStore({ all }: CachePool): KvStore {
  const cache = at(all, 0);
  cache.truncate(0);
  return cache.kv;
}
