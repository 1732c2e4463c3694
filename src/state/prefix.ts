import type { ReadonlyTokens } from '../text/token-list.ts';
import type { SequenceCache } from './sequence-cache.ts';

/** The beginning of some earlier text, found with its keys and values. */
export interface PrefixMatch {
  /** Tokens that it shares with the text that was looked for. */
  readonly length: number;
  /** Tokens of prompts that were computed in whole batches. */
  readonly exact: number;
  /** The most tokens that were ever stored: see `SequenceCache`. */
  readonly written: number;
  /** Puts the first `length` tokens into `cache`, in place of its text. False if they could not be had after all. */
  restore(cache: SequenceCache, length: number): Promise<boolean>;
}

/** A store of keys and values of earlier texts. */
export interface PrefixStore {
  /** The text that shares most with `tokens`; undefined if none shares anything. */
  longestMatch(tokens: ReadonlyTokens): PrefixMatch | undefined;
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

/** The entry that shares most with `tokens`, the latest of equals; undefined if none shares anything. */
export function longestPrefix<T extends { readonly tokens: ReadonlyTokens }>(
  entries: Iterable<T>,
  tokens: ReadonlyTokens,
): { readonly entry: T; readonly length: number } | undefined {
  let best: { entry: T; length: number } | undefined;
  for (const entry of entries) {
    const length = commonPrefix(entry.tokens, tokens);
    if (length > 0 && length >= (best?.length ?? 0)) best = { entry, length };
  }
  return best;
}

/** Texts shorter than this are computed again in less time than they take to keep. */
export const minSavedTokens = 32;
