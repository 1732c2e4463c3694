import type { KvSlot } from './slot.ts';

/** Keys and values of the beginning of some earlier text, found again. */
export interface Found {
  /** Tokens that it has in common with what was looked for. */
  readonly length: number;
  /** Of its tokens, those of prompts that were computed in whole batches. */
  readonly exact: number;
  /** What was stored of it: see `KvSlot`. */
  readonly written: number;
  /** Puts the first `length` tokens into `slot`, in the place of what is there. False if they could not be had after all. */
  restore(slot: KvSlot, length: number): Promise<boolean>;
}

/** A place where keys and values of earlier texts are kept. */
export interface PrefixStore {
  /** The one that has most in common with `tokens`; undefined if none has anything. */
  longest(tokens: readonly number[]): Found | undefined;
  /** Keeps what `slot` holds, unless it is kept already. The slot stays as it is until this resolves. Never rejects. */
  keep(slot: KvSlot): Promise<void>;
}

/** How many tokens `a` and `b` begin with alike. */
export function commonPrefix(a: readonly number[], b: readonly number[]): number {
  const most = Math.min(a.length, b.length);
  let n = 0;
  while (n < most && a[n] === b[n]) n += 1;
  return n;
}

/** The entry that has most in common with `tokens`, the latest of equals; undefined if none has anything. */
export function longestPrefix<T extends { readonly tokens: readonly number[] }>(
  entries: Iterable<T>,
  tokens: readonly number[],
): { readonly entry: T; readonly length: number } | undefined {
  let best: { entry: T; length: number } | undefined;
  for (const entry of entries) {
    const length = commonPrefix(entry.tokens, tokens);
    if (length > 0 && length >= (best?.length ?? 0)) best = { entry, length };
  }
  return best;
}

/** Texts shorter than this are computed again in less time than they take to keep. */
export const leastKept = 32;
