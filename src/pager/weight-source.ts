import { at } from '../base/at.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { RingSegment } from '../plan/ring.ts';
import { type PageSpan, pageSpanOf, type Slice } from '../plan/slices.ts';
import type { Reader } from './reader.ts';

/** One read of a pass: the pages of a slice, and their place. */
export interface StreamedSlice {
  readonly file: number;
  readonly pages: PageSpan;
  /** The slice's pages in the ring. */
  readonly into: Uint8Array;
  /** Reads back to the one whose release frees these bytes; see `RingSegment`. */
  readonly after: number;
  /** The number of times that the bytes there were replaced: earlier reads are of no use then. */
  readonly replaced?: number;
}

const sameRead = (a: StreamedSlice, b: StreamedSlice): boolean =>
  (['file', 'after', 'replaced'] as const).every((key) => a[key] === b[key]) &&
  (['start', 'bytes'] as const).every((key) => a.pages[key] === b.pages[key]) &&
  a.into.byteOffset === b.into.byteOffset &&
  a.into.buffer === b.into.buffer;

const sameReads = (a: readonly StreamedSlice[], b: readonly StreamedSlice[]): boolean =>
  a === b || (a.length === b.length && a.every((slice, i) => sameRead(slice, at(b, i))));

/** The reads of a pass: `slices` in order of use, with their `segments` of `ring`. */
export const streamedSlices = (
  slices: readonly Slice[],
  segments: readonly RingSegment[],
  ring: HostMemory,
): readonly StreamedSlice[] =>
  segments.map(({ offset, after }, order) => {
    const { extent } = at(slices, order);
    const pages = pageSpanOf(extent, pageBytes);
    return { file: extent.file, pages, into: ring.view(offset, pages.bytes), after };
  });

/** The bytes of some slices, in place until it is disposed. */
export type Lease = Disposable;

/**
 * Keeps the ring filled: reads the streamed slices over and over in the order of use, each as soon as its bytes in the
 * ring are free. The last slices of a pass are followed by the first ones of the next.
 */
export class WeightSource {
  /** Seconds of waiting for leases. */
  stallSeconds = 0;
  readonly #reader: Reader;
  #slices: readonly StreamedSlice[] = [];
  /** Reads that are under way or done, by turn in the pass. */
  readonly #loads: Promise<void>[] = [];
  /** Numbers of reads since the last start: begun, leased and released. Read k is slice k mod slices. */
  #begun = 0;
  #leased = 0;
  #released = 0;
  #end = 0;

  constructor(reader: Reader) {
    this.#reader = reader;
  }

  /**
   * Reads `slices` from now on, again and again, or `once`. Nothing changes if it reads them already; other reads are
   * given up as by `restart`.
   */
  async setReads(slices: readonly StreamedSlice[], { once = false }: { once?: boolean } = {}): Promise<void> {
    if (sameReads(slices, this.#slices)) return;
    await Promise.allSettled(this.#loads);
    this.#slices = slices;
    this.#end = once ? slices.length : Number.POSITIVE_INFINITY;
    await this.restart();
  }

  /** Waits for all reading ahead: then nothing is read until a lease is disposed. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#loads);
  }

  /** Slices of a pass. */
  get length(): number {
    return this.#slices.length;
  }

  /**
   * True if the next `count` slices in order of use are in place or on their way; if not, a lease must be disposed
   * first.
   */
  hasNext(count: number): boolean {
    return this.#leased + count <= this.#begun;
  }

  /**
   * Waits until the next `count` slices in order of use are in place. Leases are taken and disposed in order; no more
   * is held at once than a quarter of the ring, or one slice. Rejects with READ_FAILED, FILE_CHANGED.
   */
  async lease(count: number): Promise<Lease> {
    const from = this.#leased;
    const to = from + count;
    this.#leased = to;
    const began = performance.now();
    for (let k = from; k < to; k += 1) {
      if (k >= this.#begun) throw new RangeError(`read ${k} has not begun: too much is leased, or reading has ended`);
      await this.#loads[k % this.#slices.length];
    }
    if (count > 0) this.stallSeconds += (performance.now() - began) / 1000;
    return { [Symbol.dispose]: () => this.#release(count) };
  }

  /** Gives up the pass under way, whose leases are not disposed of any more: the next lease is the first of a pass. */
  async restart(): Promise<void> {
    await Promise.allSettled(this.#loads);
    this.#loads.length = 0;
    this.#begun = this.#leased = this.#released = 0;
    this.#fill();
  }

  #release(count: number): void {
    this.#released += count;
    this.#fill();
  }

  #fill(): void {
    const { length } = this.#slices;
    for (; this.#begun < this.#end && length > 0; this.#begun += 1) {
      const order = this.#begun % length;
      const slice = at(this.#slices, order);
      if (this.#begun - slice.after >= this.#released) return;
      const load = this.#reader.read(slice.file, slice.into, slice.pages.start);
      // A lease of the slice gets the error; until then nobody awaits it.
      load.catch(() => {});
      this.#loads[order] = load;
    }
  }
}
