import type { Weight } from '../gguf/weight.ts';
import type { ConvertingTurn } from './converting.ts';
import type { KvHome, KvType, Window } from './kv-choice.ts';
import type { Residency } from './residency.ts';
import type { Slice } from './slices.ts';

/** Where a slice lives. Offsets are bytes from the start of the resident memory, or of the ring, to its first page. */
export type Placement =
  | { readonly kind: 'resident'; readonly offset: number }
  /** Resident in a kernel layout of its own, converted as it is loaded. */
  | { readonly kind: 'converted'; readonly bytes: number }
  | { readonly kind: 'ring'; readonly offset: number; readonly after: number };

/** What the budget is spent on, in bytes. */
export interface Shares {
  /** The process: Node, libraries, the vocabulary. */
  readonly runtime: number;
  readonly kv: number;
  /** Intermediate results. */
  readonly compute: number;
  readonly ring: number;
  readonly resident: number;
  /** The draft model, whole. */
  readonly draft: number;
}

/** Everything that is decided before the first byte is read. */
export interface Plan {
  readonly budget: number;
  /** Tokens a sequence may grow to. */
  readonly context: number;
  /** What keys and values are stored as. */
  readonly kvType: KvType;
  /** What is seen and kept of a text, unless it is all. */
  readonly window: Window | undefined;
  /** Where keys and values live, by layer; undefined if all are in memory. */
  readonly kvHomes: readonly KvHome[] | undefined;
  /** Bytes of them on the SSD, when all sequences have grown to the context. */
  readonly kvOnSsd: number;
  /** Sequences that are computed together at most. */
  readonly parallel: number;
  /** Tokens that each of them may guess ahead. */
  readonly ahead: number;
  /** Bytes for keys and values of sequences that have ended. */
  readonly promptCache: number;
  /** Tokens of a prompt computed at once. */
  readonly batch: number;
  readonly slices: readonly Slice[];
  /** By slice. */
  readonly placements: readonly Placement[];
  /** The slices that stream, in the order of use: what every pass reads. */
  readonly streamed: readonly number[];
  /** By turn: where the streamed slices go when a pass of many tokens converts them on the way. */
  readonly converting: readonly ConvertingTurn[] | undefined;
  /** The most that one step may hold of the ring, in bytes. */
  readonly stepBytes: number;
  readonly shares: Shares;
  /** Weight bytes that one pass reads. */
  readonly bytesPerPass: number;
  /** Of the draft model, which is resident. */
  readonly draft: Plan | undefined;
}

/** Bytes of a plan. */
export const planBytes = ({ shares }: Plan): number => Object.values(shares).reduce((sum, bytes) => sum + bytes, 0);

/** What is planned for. The functions depend on nothing but their arguments. */
export interface Demand {
  readonly budget: number;
  readonly context: number;
  readonly runtime: number;
  readonly kvType?: KvType | undefined;
  readonly window?: Window | undefined;
  readonly kvHomes?: readonly KvHome[] | undefined;
  readonly parallel?: number | undefined;
  readonly ahead?: number | undefined;
  readonly promptCache?: number | undefined;
  readonly draft?: Plan | undefined;
  /** Bytes of a page: what direct reads are aligned to. */
  readonly page: number;
  /**
   * Tokens to compute at once, if that is not to depend on the budget: kernels round differently for batches of one, a
   * few and many.
   */
  readonly batch?: number | undefined;
  /** The most slices that the weights may be cut into. */
  readonly maxSlices?: number;
  /** Bytes of a slice at most, if that is not to be chosen. */
  readonly sliceBytes?: number | undefined;
  /** Chooses what stays resident; `spread` unless given. */
  readonly residency?: Residency | undefined;
  /** The weights in order of first use. */
  readonly manifest: readonly ManifestEntry[];
  /**
   * Bytes of memory for keys and values, of all sequences and of those that have ended, if passes store `tokens` of one at
   * most; and those that they take on the SSD.
   */
  kv(tokens: number): number;
  kvOnSsd?(tokens: number): number;
  /** Bytes of intermediate results for a batch of `tokens` when the weights are cut into `slices`. */
  compute(tokens: number, slices: readonly Slice[]): number;
  /** Bytes of a streamable slice in a faster kernel layout, if the device has one and it may be used. */
  converted(slice: Slice): number | undefined;
}

export interface ManifestEntry {
  readonly weight: Weight;
  /** A matrix used once in a pass may stream, and may be cut; what else there is, is small and stays. */
  readonly streamable: boolean;
}
