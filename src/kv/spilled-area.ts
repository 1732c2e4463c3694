import { alignUp } from '../base/bytes.ts';
import { allSettled } from '../base/settled.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import type { Reader } from '../stream/reader.ts';
import { type ByteRange, spillOf, spillUnit } from './spill.ts';

/** Where the keys, or the values, of a head are on the SSD. */
export interface SpillPlace {
  readonly reader: Reader;
  readonly file: number;
  /** Of the first byte in the file, and how many there are: multiples of the unit. */
  readonly position: number;
  readonly bytes: number;
  /** Memory for a unit. */
  readonly tail: Uint8Array;
}

/** The keys, or the values, of a head on the SSD: all but the newest ones, which wait in memory for their unit to fill. */
export class SpilledArea {
  readonly place: SpillPlace;
  /** Where the unit in memory belongs, and where what it has of it ends. */
  #tail: number | undefined;
  #end = 0;

  constructor(place: SpillPlace) {
    this.place = place;
  }

  /** Brings an image of the first bytes, as it was read, up to date. */
  update(image: Uint8Array): void {
    if (this.#tail === undefined || this.#tail >= image.length) return;
    image.set(this.#kept(Math.min(this.#end, image.length)), this.#tail);
  }

  /**
   * Of an image that is up to date, the `dirty` ranges have changed, the last one by what was appended before
   * `areaEnd`. The image stays as it is until this ends. Rejects with WRITE_FAILED.
   */
  async spill(image: Uint8Array, dirty: readonly ByteRange[], areaEnd: number): Promise<void> {
    const { reader, file, position, tail } = this.place;
    const spill = spillOf(dirty, areaEnd);
    const [first = 0, last = 0] = dirty.at(-1) ?? [];
    if (spill.tail !== undefined) {
      // A token fills a hundredth of a unit, and there may be thousands of units. What lies before it is here already, or
      // was written and is in the image: as where a ring had begun anew and that was taken back.
      const changed = spill.tail === this.#tail && first <= this.#end ? dirty : [[spill.tail, last] as const];
      for (const [from, to] of changed) {
        const [begin, end] = [Math.max(from, spill.tail), Math.min(to, last)];
        if (begin < end) tail.set(image.subarray(begin, end), begin - spill.tail);
      }
    }
    this.#tail = spill.tail;
    this.#end = last;
    await allSettled(spill.writes.map(([from, to]) => reader.write(file, image.subarray(from, to), position + from)));
  }

  /** The bytes [offset, offset + length); `offset` is a multiple of the unit. Rejects with READ_FAILED, FILE_CHANGED. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const { reader, file, position } = this.place;
    using memory = new HostMemory(alignUp(length, spillUnit), 'keys and values from the SSD');
    const units = memory.view(0, alignUp(length, spillUnit));
    await reader.read(file, units, position + offset);
    const at = (this.#tail ?? -1) - offset;
    if (this.#tail !== undefined && at >= 0 && at < units.length) units.set(this.#kept(this.#end), at);
    return units.slice(0, length);
  }

  /** Of the unit in memory, what comes before `end`. */
  #kept(end: number): Uint8Array {
    return this.place.tail.subarray(0, end - (this.#tail ?? end));
  }

  /** Puts `bytes` at `offset`, a multiple of the unit, in the place of what is there. Rejects with WRITE_FAILED. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const { reader, file, position } = this.place;
    this.#tail = undefined;
    using memory = new HostMemory(alignUp(bytes.length, spillUnit), 'keys and values for the SSD');
    // What was there before may be no numbers.
    memory.clear();
    const units = memory.view(0, alignUp(bytes.length, spillUnit));
    units.set(bytes);
    await reader.write(file, units, position + offset);
  }
}
