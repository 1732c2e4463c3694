import { alignUp } from '../base/bytes.ts';

/** The experts of one layer, or of one of its routers. */
export interface ExpertBank {
  readonly experts: number;
  /** Bytes of one expert, all of its matrices together. */
  readonly expertBytes: number;
  readonly matrices: number;
}

/** Bytes beside the slots of a matrix: they begin as far into a page as its bytes do in the file. */
const skewPages = 1;

/** Bytes of memory for `slots` of a bank, which has no more of them than experts. */
const bankBytes = (bank: ExpertBank, slots: number, page: number): number =>
  Math.min(slots, bank.experts) * bank.expertBytes + bank.matrices * skewPages * page;

/** Bytes of memory for `slots` in each bank. */
export const slotBytes = (banks: readonly ExpertBank[], slots: number, page: number): number =>
  banks.reduce((sum, bank) => sum + bankBytes(bank, slots, page), 0);

/** A matrix of experts as its products see it. */
export interface ExpertProduct {
  /** Numbers that go in, and that come out, for a pair. */
  readonly width: number;
  readonly rows: number;
}

/** Pairs of a token and a rank that a round may compute, for batches of `tokens`: any expert has a pair of each token at most. */
const pairsInRound = (tokens: number): number => 2 * tokens;

/** The memory of rounds, which all layers share: places of its parts in bytes from its start. */
export interface TransitAreas {
  /** The pairs of a round at most. */
  readonly pairs: number;
  /** The gathered inputs of a round, and its products. */
  readonly inputs: number;
  readonly products: number;
  /** Lists of the pairs of two rounds: the row that each comes from, its slot, the row that it goes to. */
  readonly lists: readonly [readonly number[], readonly number[]];
  /** The slots of a whole batch. */
  readonly slots: number;
  readonly bytes: number;
}

/** The alignment of the parts, that of a tensor. */
const alignment = 64;

/** Lays out the memory of rounds for batches of `tokens` that use `used` experts each. */
export function layTransit(
  products: readonly ExpertProduct[],
  { tokens, used }: { readonly tokens: number; readonly used: number },
): TransitAreas {
  const pairs = pairsInRound(tokens);
  let bytes = 0;
  const take = (words: number): number => {
    const offset = bytes;
    bytes += alignUp(4 * words, alignment);
    return offset;
  };
  const list = (): readonly number[] => [take(pairs), take(pairs), take(pairs)];
  return {
    pairs,
    inputs: take(pairs * Math.max(0, ...products.map(({ width }) => width))),
    products: take(pairs * Math.max(0, ...products.map(({ rows }) => rows))),
    lists: [list(), list()],
    slots: take(used * tokens),
    bytes,
  };
}

/** Buffers for reads that are under way, or come next: more than the reads in flight on any device. */
export const expertBuffers = 8;
/** The longest read through a buffer: fewer bytes keep fewer devices busy. */
const longestBuffer = 4 * 2 ** 20;

/**
 * True if experts of `length` bytes can be read straight into slots, where they are as far into a page as in the file:
 * they have whole pages, and the same place in a page as their neighbours.
 */
export const isReadDirectly = (length: number, page: number): boolean => length % page === 0 && length >= 2 * page;

/** Bytes of a buffer for experts of these lengths: the ends of one that is read directly, or all of a shorter read. */
export const expertBufferBytes = (lengths: readonly number[], page: number): number =>
  lengths
    .filter((length) => !isReadDirectly(length, page))
    .map((length) => Math.min(longestBuffer, alignUp(length, page) + page))
    .reduce((most, bytes) => Math.max(most, bytes), 2 * page);

/** Bytes of a pair in ggml's lists of the rows of each expert, and of an expert's share of the work. */
const [rowBytes, chunkBytes] = [8, 72];

/** Bytes that ggml works in to sort the pairs of `tokens` by their slots, beside the inputs in the weights' own type. */
export const workBytes = (
  slots: number,
  { tokens, used }: { readonly tokens: number; readonly used: number },
): number => slots * (rowBytes * Math.max(used * tokens, pairsInRound(tokens)) + chunkBytes);
