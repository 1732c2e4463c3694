import type { KvHome, KvType, Window } from './kv-options.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Residency } from './residency.ts';
import type { RingModes, WeightSegment } from './ring-modes.ts';
import type { RoutedBank } from './routed-banks.ts';
import type { Slice } from './slices.ts';

/** The place of a slice. The offset is bytes from the start of the resident memory to its first page. */
export type Placement =
  | { readonly kind: 'resident'; readonly offset: number }
  /** Resident in a kernel layout of its own, converted as it is loaded. */
  | { readonly kind: 'converted'; readonly bytes: number }
  /** One of those that stream, which `order` counts in their order of use. */
  | { readonly kind: 'ring'; readonly order: number }
  /** Experts of which so many have slots at a time. */
  | { readonly kind: 'experts' };

/**
 * The parts of the budget, in bytes.
 *
 * @example const resident = (shares: Shares) => shares.resident / (shares.resident + shares.ring);
 */
export interface Shares {
  /** The process: Node, libraries, the vocabulary. */
  readonly runtime: number;
  readonly kv: number;
  /** Intermediate results. */
  readonly compute: number;
  readonly ring: number;
  readonly resident: number;
  /** Slots for experts, and what passes through them; 0 if there are none, or all experts are resident. */
  readonly experts: number;
  /** LoRA adapters, whole. */
  readonly adapters: number;
  /** The draft model, whole. */
  readonly draft: number;
}

/**
 * Everything that is decided before the first byte is read.
 *
 * @example const { context, parallel, shares } = model.plan();
 */
export interface Plan {
  readonly budget: number;
  /** Tokens a sequence may grow to. */
  readonly context: number;
  /** The type that keys and values are stored as. */
  readonly kvType: KvType;
  /** The part of a text that is seen and kept, unless it is all. */
  readonly window: Window | undefined;
  /** Homes of keys and values, by layer; undefined if all are in memory. @internal */
  readonly kvHomes: readonly KvHome[] | undefined;
  /** Bytes of keys and values on the SSD, when all sequences have grown to the context. */
  readonly kvOnSsd: number;
  /** Reads of keys and values on the SSD for a token of a short text. @internal */
  readonly kvReads: number;
  /** Sequences that are computed together at most. */
  readonly parallel: number;
  /** The most draft tokens of each sequence in a pass. */
  readonly ahead: number;
  /** Bytes for keys and values of sequences that have ended. */
  readonly promptCache: number;
  /** Tokens of a prompt computed at once. */
  readonly batch: number;
  /** @internal */
  readonly slices: readonly Slice[];
  /** Placements by slice. @internal */
  readonly placements: readonly Placement[];
  /** The slices that stream, in the order of use: every pass reads them. @internal */
  readonly streamed: readonly number[];
  /** The segments of the streamed slices in each mode of the ring. @internal */
  readonly ringModes: RingModes<readonly WeightSegment[]>;
  /** The most that one step may hold of the ring, in bytes. @internal */
  readonly stepBytes: number;
  readonly shares: Shares;
  /** Experts that are read once tokens are routed to them; undefined if there are none, or all are resident. @internal */
  readonly experts: ExpertPlan | undefined;
  /** Weight bytes that one pass reads, experts apart. */
  readonly bytesPerPass: number;
  /** The draft model's plan; all of its weights are resident. */
  readonly draft: Plan | undefined;
  /**
   * The process's memory beside that of a device that is apart, which budget and shares are of; undefined where all is in
   * the process's.
   * @internal
   */
  readonly host: HostPlan | undefined;
}

/** The process's memory beside a device's own, in bytes. */
export interface HostPlan {
  readonly budget: number;
  /** The process, with the device's driver. */
  readonly runtime: number;
  /** Logits, rows of the embedding, and buffers on the way to the device. */
  readonly transit: number;
  /** Copies of the keys and values of prompts. */
  readonly promptCache: number;
  /** Streamed slices that are kept, and uploaded from there in each pass. */
  readonly held: readonly number[];
  readonly heldBytes: number;
}

/** Slots for experts, the same number for every router. */
export interface ExpertPlan {
  /** Slots of each bank; one with fewer experts has a slot for each. */
  readonly slots: number;
  /** The experts of each router, in order of use. */
  readonly banks: readonly RoutedBank[];
}

/** Bytes of a plan. */
export const planBytes = ({ shares }: Plan): number => Object.values(shares).reduce((sum, bytes) => sum + bytes, 0);

/** Bytes of the process's memory beside a device's own; 0 where all of a plan is in the process's. */
export const hostBytes = ({ host }: Pick<Plan, 'host'>): number =>
  host ? host.runtime + host.transit + host.promptCache + host.heldBytes : 0;

/** The needs that are planned for. The functions depend on nothing but their arguments. */
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
  /** Bytes of LoRA adapters; default: there are none. */
  readonly adapters?: number | undefined;
  /** Bytes of a page: direct reads are aligned to it. */
  readonly page: number;
  /**
   * Tokens to compute at once, for results that do not depend on the budget: kernels round differently for batches of
   * one, a few and many.
   */
  readonly batch?: number | undefined;
  /** The most slices that the weights may be cut into. */
  readonly maxSlices?: number;
  /** Bytes of a slice at most; default: chosen. */
  readonly sliceBytes?: number | undefined;
  /** Chooses the residents; default: `spread`. */
  readonly residency?: Residency | undefined;
  /** Bytes of slots for experts at most, but for one in each matrix; default: what is left, or all experts. */
  readonly expertCache?: number | undefined;
  /** The weights in order of first use. */
  readonly manifest: readonly ManifestEntry[];
  /**
   * Bytes of memory for keys and values, of all sequences and of those that have ended, if passes store `tokens` of one
   * at most; and their bytes on the SSD.
   */
  kv(tokens: number): number;
  kvOnSsd?(tokens: number): number;
  /** Reads of keys and values on the SSD for a token of a short text; default: none. */
  readonly kvReads?: number;
  /** Bytes of intermediate results for a batch of `tokens` when the weights are cut into `slices`. */
  compute(tokens: number, slices: readonly Slice[]): number;
  /** Bytes behind a slice that its kernels read, too; default: none. */
  padding?(slice: Pick<Slice, 'weight' | 'shape'>): number;
  /** Bytes of a streamable slice in a faster kernel layout, if the device has one and it may be used. */
  converted(slice: Slice): number | undefined;
}
