import type { ReadonlyTokens } from '../text/token-list.ts';
import type { StoredText } from './layer-state.ts';
import { type SequenceCache, sameScales } from './sequence-cache.ts';

/** The beginning of some earlier text, found with its keys and values. */
export interface PrefixMatch {
  /** Tokens of the text that was looked for that can be had. */
  readonly length: number;
  /** Puts the first `length` tokens into `cache`, in place of its text. False if they could not be had after all. */
  restore(cache: SequenceCache, length: number): Promise<boolean>;
}

/** The number of tokens that can be had of a stored text which begins with `common` tokens of another one. */
export type Usable = (common: number, text: StoredText) => number;

/** A store of keys and values of earlier texts. */
export interface PrefixStore {
  /** The text that spares `tokens` most, by `usable`; default: by the common beginning. Undefined if there is none. */
  longestMatch(tokens: ReadonlyTokens, usable?: Usable): PrefixMatch | undefined;
  /**
   * Keeps a copy of the text in `cache`, unless there is one already. The cache must not change until this resolves.
   * Never rejects.
   */
  save(cache: SequenceCache): Promise<void>;
}

/** The number of tokens that `a` and `b` begin with alike. */
export function commonPrefix(a: ReadonlyTokens, b: ReadonlyTokens): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a.at(n) === b.at(n)) n += 1;
  return n;
}

/** The entry of which most can be had for `tokens`, the latest of equals; undefined if there is none. */
export function longestPrefix<T extends StoredText>(
  entries: Iterable<T>,
  tokens: ReadonlyTokens,
  usable: Usable = (common) => common,
): { readonly entry: T; readonly length: number } | undefined {
  let best: { entry: T; length: number } | undefined;
  for (const entry of entries) {
    const length = usable(commonPrefix(entry.tokens, tokens), entry);
    if (length > 0 && length >= (best?.length ?? 0)) best = { entry, length };
  }
  return best;
}

/** Whether a store has all of the text in `cache`, so that it can be taken from there. */
export const isSaved = (entries: Iterable<StoredText>, cache: SequenceCache): boolean =>
  longestPrefix(
    [...entries].filter(({ scales }) => sameScales(scales, cache.scales)),
    cache.tokens,
    (common, text) => cache.reachable(common, text),
  )?.length === cache.tokens.length;

/** The entries that are of no use beside the text in `cache`: it goes on from them, and can be taken back to them. */
export const coveredBy = <T extends StoredText>(entries: Iterable<T>, cache: SequenceCache): readonly T[] =>
  [...entries].filter(
    ({ tokens, scales }) =>
      sameScales(scales, cache.scales) &&
      commonPrefix(tokens, cache.tokens) === tokens.length &&
      cache.reachable(tokens.length) === tokens.length,
  );

/** Texts shorter than this are computed again in less time than they take to keep. */
export const minSavedTokens = 32;
