import { at } from '../base/at.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import type { StoredText } from './layer-state.ts';
import { commonPrefix, type PrefixMatch, type PrefixStore } from './prefix.ts';
import { type SequenceCache, sameScales } from './sequence-cache.ts';
import type { SequenceState } from './sequence-state.ts';

/** Tokens that a store must have more of than the caches before it is copied from. */
const worthCopying = 16;

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
   * are wanted. The rest of the cache's text is copied to a store first, if one has room. Tokens count only where they were
   * computed with the same `scales` of adapters.
   */
  async acquire(prompt: ReadonlyTokens, scales?: readonly number[]): Promise<{ cache: SequenceCache; cached: number }> {
    const free = this.all.filter((cache) => !this.#taken.has(cache));
    const usable = (common: number, text: StoredText): number =>
      sameScales(text.scales, scales) ? this.#usable(prompt, common, text) : 0;
    const rated = free.map((cache) => ({ cache, length: usable(commonPrefix(cache.tokens, prompt), cache) }));
    const longest = Math.max(...rated.map(({ length }) => length));
    let best: PrefixMatch | undefined;
    for (const store of this.#options.stores) {
      const copy = store.longestMatch(prompt, usable);
      if (copy && copy.length > (best?.length ?? longest + worthCopying)) best = copy;
    }
    // Caches with most in common come first, or all if a copy has more; the one left alone for longest is taken.
    const candidates = best ? rated : rated.filter(({ length }) => length === longest);
    const { cache } = candidates.reduce((a, b) => (b.cache.lastUse < a.cache.lastUse ? b : a));
    this.#taken.add(cache);
    cache.lastUse = ++this.#clock;
    const goesOn = sameScales(cache.scales, scales) && commonPrefix(cache.tokens, prompt) === cache.tokens.length;
    if (!goesOn) await this.#save(cache);
    cache.adapt(scales);
    if (best && (await best.restore(cache, best.length))) return { cache, cached: best.length };
    return { cache, cached: cache.truncate(usable(commonPrefix(cache.tokens, prompt), cache)) };
  }

  /** Frees the cache of a sequence that has ended, once its text is stored where it outlives the process. */
  async release(cache: SequenceCache, outlive?: PrefixStore): Promise<void> {
    // Files hold texts as the model computes them by itself.
    if (cache.scales === undefined) await outlive?.save(cache);
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

  /** The number of tokens after which `prompt` can go on from a stored text that begins with `common` tokens of it. */
  #usable(prompt: ReadonlyTokens, common: number, text: StoredText): number {
    const { exactBatch } = this.#options;
    const most = Math.max(0, Math.min(common, prompt.length - 1));
    // All caches are alike.
    const cache = at(this.all, 0);
    if (exactBatch === undefined) return cache.reachable(most, text);
    const computedAlike = Math.min(most, text.exact);
    const reached = cache.reachable(computedAlike - (computedAlike % exactBatch), text);
    return reached % exactBatch === 0 ? reached : 0;
  }
}

/** A state to compute on for measuring: the text in its cache is forgotten. */
export function scratchState({ all }: CachePool): SequenceState {
  const cache = at(all, 0);
  cache.adapt();
  cache.truncate(0);
  return cache.state;
}
