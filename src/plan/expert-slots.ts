import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import type { Weight } from '../gguf/weight.ts';
import type { RoutedBank } from './routed-banks.ts';

/** Bytes beside the slots of a matrix: they begin as far into a page as its bytes do in the file. */
const skewPages = 1;

/** Bytes of memory for `slots` of a bank, which has no more of them than experts. */
const bankBytes = (bank: RoutedBank, slots: number, page: number): number =>
  Math.min(slots, bank.experts) * bank.expertBytes + bank.weights.length * skewPages * page;

/** Bytes of memory for `slots` in each bank. */
export const slotBytes = (banks: readonly RoutedBank[], slots: number, page: number): number =>
  banks.reduce((sum, bank) => sum + bankBytes(bank, slots, page), 0);

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
  /** The slots of a whole batch, and its pairs at most. */
  readonly slots: number;
  readonly pairsInBatch: number;
  readonly bytes: number;
}

/** The alignment of the parts, that of a tensor on any device. */
const alignment = 256;

/** Lays out the memory of rounds with matrices (in, out, experts), for batches of `tokens` that use `used` experts each. */
export function layTransit(
  weights: readonly Pick<Weight, 'shape'>[],
  { tokens, used }: { readonly tokens: number; readonly used: number },
): TransitAreas {
  const pairs = pairsInRound(tokens);
  let bytes = 0;
  const take = (words: number): number => {
    const offset = bytes;
    bytes += alignUp(4 * words, alignment);
    return offset;
  };
  /** Numbers that go in, dimension 0, or come out, 1, for the pairs of a round. */
  const widest = (dimension: 0 | 1): number => pairs * Math.max(0, ...weights.map(({ shape }) => at(shape, dimension)));
  const list = (): readonly number[] => [take(pairs), take(pairs), take(pairs)];
  return {
    pairs,
    inputs: take(widest(0)),
    products: take(widest(1)),
    lists: [list(), list()],
    slots: take(used * tokens),
    pairsInBatch: used * tokens,
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
