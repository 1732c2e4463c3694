import { at } from '../base/at.ts';
import { allSettled } from '../base/promises.ts';
import { writeExpertsAside, writeTensorAside } from '../ggml/data.ts';
import type { Pointer } from '../ggml/library.ts';
import { type Memory, sharedBytes } from '../ggml/memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { segmentBytes } from '../plan/make-plan.ts';
import type { Demand, Placement, Plan } from '../plan/plan.ts';
import { type ResidentPart, residentParts } from '../plan/resident-parts.ts';
import { layResidents, type ResidentSegment } from '../plan/ring-modes.ts';
import { pageSpanOf } from '../plan/slices.ts';
import { type Home, type Lease, permanentLease } from './block.ts';
import type { Reader } from './reader.ts';
import type { Uploads } from './uploads.ts';

/** Parts converted at once, on a thread each. The ring holds as many more, which are being read meanwhile. */
const conversions = 2;
/** Parts that are read ahead: weights that stream meanwhile are to be read, too. */
const readAhead = 16;

export interface LoadOptions {
  /** Called with the bytes loaded so far, and those there are. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Memory of residents, and the one that they are read through. */
export interface ResidentMemory {
  /** Memory for those in the file's layout. */
  readonly arena: Memory;
  /** The way of the others to their tensors. */
  readonly ring: Memory;
  /** The way to memory of a device that is apart. */
  readonly uploads?: Uploads | undefined;
  /** The tensor of each slice. */
  readonly tensors: readonly { readonly pointer: Pointer }[];
}

const isResident = ({ kind }: Placement): boolean => kind === 'resident' || kind === 'converted';

const bytesOf = (parts: readonly ResidentPart[]): number => parts.reduce((sum, { extent }) => sum + extent.length, 0);

/** Bytes of memory for the residents that keep the file's layout, and for the `padding` behind each. */
export const arenaBytes = ({ slices, placements }: Plan, padding?: Demand['padding']): number =>
  slices
    .filter(({ id }) => at(placements, id).kind === 'resident')
    .reduce((sum, slice) => sum + segmentBytes(slice, pageBytes, padding), 0);

/** Weights that stay resident, read to their places once: ahead of all passes, or while the first one needs them. */
export class Residents implements Home {
  readonly #plan: Plan;
  readonly #reader: Reader;
  readonly #memory: ResidentMemory;
  /** The parts of all of them in order of use, and the number of those that are in place. */
  readonly #parts: readonly ResidentPart[];
  #loaded = 0;
  /** Ends of the last loading's reads and conversions, by slice: one that has failed is known until the next loading. */
  readonly #arrivals = new Map<number, Promise<void>>();
  /** The loading beside a pass. */
  #loading: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(plan: Plan, reader: Reader, memory: ResidentMemory) {
    this.#plan = plan;
    this.#reader = reader;
    this.#memory = memory;
    this.#parts = plan.slices.flatMap((slice) => {
      const placement = at(plan.placements, slice.id);
      return isResident(placement) ? residentParts(slice, { converted: placement.kind === 'converted' }) : [];
    });
  }

  /** All are in place. */
  get loaded(): boolean {
    return this.#loaded === this.#parts.length;
  }

  /** Waits until `slices` are in place. The first lease of a pass begins to load all that are not. */
  async lease(slices: readonly number[]): Promise<Lease> {
    if (!this.#loading) {
      const abort = new AbortController();
      // A lease has the error.
      this.#loading = { abort, ended: this.load({ streams: true, signal: abort.signal }).catch(() => {}) };
    }
    await Promise.all(slices.map((id) => this.#arrivals.get(id)));
    return permanentLease;
  }

  /** Ends the loading that a lease has begun. */
  async stop(): Promise<void> {
    this.#loading?.abort.abort();
    await this.#loading?.ended;
    this.#loading = undefined;
  }

  /**
   * Loads those that are not in place yet, in order of use; `streams` if passes use the first half of the ring meanwhile.
   * Rejects with READ_FAILED, FILE_CHANGED, or the signal's reason: then what is in place stays there.
   */
  async load({ streams = false, onProgress, signal }: LoadOptions & { streams?: boolean } = {}): Promise<void> {
    const parts = this.#parts.slice(this.#loaded);
    const total = bytesOf(this.#parts);
    let loaded = total - bytesOf(parts);
    const arrivals: Promise<void>[] = [];
    this.#arrivals.clear();
    const bring = async (i: number, place: ResidentSegment): Promise<void> => {
      await arrivals[i - Math.min(place.after, readAhead)];
      signal?.throwIfAborted();
      const convert = await this.#read(at(parts, i), place);
      await arrivals[i - conversions];
      await convert();
      await arrivals[i - 1];
      this.#loaded += 1;
      loaded += at(parts, i).extent.length;
      onProgress?.(loaded, total);
    };
    for (const [i, place] of this.#lay(parts, streams).entries()) {
      const arrival = bring(i, place);
      arrivals.push(arrival);
      this.#arrivals.set(at(parts, i).slice.id, arrival);
    }
    // Memory is not to go before the last read and the last conversion have ended.
    await allSettled(arrivals);
    signal?.throwIfAborted();
  }

  /** Weights that stream meanwhile have the first half of the ring. */
  #lay(parts: readonly ResidentPart[], streams: boolean): readonly ResidentSegment[] {
    const { placements, shares, streamed } = this.#plan;
    const residents = parts.map(({ slice, extent }) => {
      const placement = at(placements, slice.id);
      const offset = placement.kind === 'resident' ? placement.offset : undefined;
      return { bytes: pageSpanOf(extent, pageBytes).bytes, offset };
    });
    return layResidents(residents, { from: streams && streamed.length > 0 ? shares.ring / 2 : 0, to: shares.ring });
  }

  /** Reads a part to its place, or to where it can be converted from. */
  async #read(
    { slice, extent, experts }: ResidentPart,
    { memory, offset }: ResidentSegment,
  ): Promise<() => Promise<void>> {
    const { arena, uploads } = this.#memory;
    if (uploads) {
      await uploads.to(arena, offset, slice).bring();
      return () => Promise.resolve();
    }
    const { start, bytes, skew } = pageSpanOf(extent, pageBytes);
    const pages = sharedBytes(this.#memory[memory]).view(offset, bytes);
    await this.#reader.read(extent.file, pages, start);
    if (memory === 'arena') return () => Promise.resolve();
    const { pointer } = at(this.#memory.tensors, slice.id);
    const data = pages.subarray(skew, skew + extent.length);
    return () => (experts ? writeExpertsAside(pointer, experts, data) : writeTensorAside(pointer, data));
  }
}
