import { at } from '../base/at.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import type { Pointer } from '../ggml/library.ts';
import { pageBytes } from '../ggml/system.ts';
import { layLoadingRing, loadingOffset } from '../plan/loading.ts';
import type { Plan } from '../plan/plan.ts';
import { pageSpanOf, type Slice } from '../plan/slices.ts';
import { convert } from './convert.ts';
import type { Reader } from './reader.ts';
import { type Lease, type StreamedSlice, WeightSource } from './weight-source.ts';

/** Slices converted at once, on a thread each. The ring holds as many more, which are being read meanwhile. */
const conversions = 2;

export interface LoadOptions {
  /** Called with the bytes loaded so far, and all of them. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Memory of residents, and the ring that they are read through. */
export interface ResidentMemory {
  /** Memory for residents in the file's layout. */
  readonly arena: HostMemory;
  /** Ring through which the others come to their tensors. */
  readonly ring: HostMemory;
  /** Tensors by slice. */
  readonly tensors: readonly { readonly pointer: Pointer }[];
}

/** Bytes of memory for the residents that keep the file's layout. */
export const arenaBytes = (plan: Plan): number =>
  plan.slices
    .filter((s) => at(plan.placements, s.id).kind === 'resident')
    .reduce((sum, s) => sum + pageSpanOf(s.extent, pageBytes).bytes, 0);

/** The residents, each read to its place once: ahead of all passes, or while the first one needs it. */
export class Residents {
  readonly #plan: Plan;
  readonly #reader: Reader;
  readonly #memory: ResidentMemory;
  /** Residents in order of use. */
  readonly #slices: readonly Slice[];
  /** The number of them that are in place. */
  #loaded = 0;
  #waiting: { readonly id: number; readonly resolve: () => void }[] = [];

  constructor(plan: Plan, reader: Reader, memory: ResidentMemory) {
    this.#plan = plan;
    this.#reader = reader;
    this.#memory = memory;
    this.#slices = plan.slices.filter(({ id }) => at(plan.placements, id).kind !== 'ring');
  }

  /** True once all are in place. */
  get loaded(): boolean {
    return this.#loaded === this.#slices.length;
  }

  /** Resolves when all residents up to slice `id` are in place, if loading gets so far. */
  async reached(id: number): Promise<void> {
    if (id < this.#next) return;
    await new Promise<void>((resolve) => this.#waiting.push({ id, resolve }));
  }

  /**
   * Loads those that are not in place yet, in order of use; `streams` if passes use the first half of the ring
   * meanwhile. Rejects with READ_FAILED, FILE_CHANGED, or the signal's reason; slices that are in place stay there.
   */
  async load({ streams = false, onProgress, signal }: LoadOptions & { streams?: boolean } = {}): Promise<void> {
    const total = this.#slices.reduce((sum, { extent }) => sum + extent.length, 0);
    const slices = this.#slices.slice(this.#loaded);
    let rest = slices.reduce((sum, { extent }) => sum + extent.length, 0);
    const reads = this.#reads(slices, loadingOffset(this.#plan, streams));
    const underWay: { slice: Slice; lease: Lease; converted: Promise<void> }[] = [];
    const finish = async (): Promise<void> => {
      const oldest = underWay.shift();
      if (!oldest) return;
      using _lease = oldest.lease;
      await oldest.converted;
      this.#arrive();
      rest -= oldest.slice.extent.length;
      onProgress?.(total - rest, total);
    };
    const source = new WeightSource(this.#reader);
    await source.setReads(reads, { once: true });
    try {
      for (const [i, slice] of slices.entries()) {
        while (underWay.length === conversions || (underWay.length > 0 && !source.hasNext(1))) await finish();
        signal?.throwIfAborted();
        const lease = await source.lease(1);
        underWay.push({ slice, lease, converted: this.#convert(slice, at(reads, i)) });
      }
      while (underWay.length > 0) await finish();
      signal?.throwIfAborted();
    } finally {
      // Memory must not go before the last read and the last conversion have ended.
      await Promise.allSettled([source.settled(), ...underWay.map(({ converted }) => converted)]);
    }
  }

  /** The id of the first slice that is not in place. */
  get #next(): number {
    return this.#slices[this.#loaded]?.id ?? Number.POSITIVE_INFINITY;
  }

  #arrive(): void {
    this.#loaded += 1;
    const there = this.#waiting.filter(({ id }) => id < this.#next);
    this.#waiting = this.#waiting.filter(({ id }) => id >= this.#next);
    for (const { resolve } of there) resolve();
  }

  #reads(slices: readonly Slice[], start: number): readonly StreamedSlice[] {
    const { arena, ring } = this.#memory;
    return layLoadingRing(this.#plan, slices, start, pageBytes).map(({ memory, offset, after }, i) => {
      const slice = at(slices, i);
      const pages = pageSpanOf(slice.extent, pageBytes);
      const into = (memory === 'arena' ? arena : ring).view(offset, pages.bytes);
      return { file: slice.extent.file, pages, into, after };
    });
  }

  async #convert({ id, extent }: Slice, { into, pages }: StreamedSlice): Promise<void> {
    if (at(this.#plan.placements, id).kind !== 'converted') return;
    const { pointer } = at(this.#memory.tensors, id);
    await convert(pointer, into.subarray(pages.skew, pages.skew + extent.length));
  }
}
