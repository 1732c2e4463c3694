import { alignUp } from '../base/bytes.ts';
import { allSettled } from '../base/promises.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import type { Reader } from '../pager/reader.ts';
import { type ByteRange, spillOf, spillUnit } from './spill.ts';

/** The place on the SSD of a head's keys, or values. */
export interface SpillPlace {
  readonly reader: Reader;
  readonly file: number;
  /** Position of the first byte in the file, and the number of bytes: multiples of the unit. */
  readonly position: number;
  readonly bytes: number;
  /** Memory for one unit. */
  readonly tail: Uint8Array;
}

/**
 * The keys, or the values, of a head on the SSD: all but the newest ones, which wait in memory for their unit to fill.
 */
export class SpilledArea {
  readonly place: SpillPlace;
  /** Offset of the unit in memory, and of the end of the bytes that it has. */
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
   * Writes the `dirty` ranges of an image that was up to date before; the last of them was appended before `areaEnd`.
   * The image must not change until this ends. Rejects with WRITE_FAILED.
   */
  async spill(image: Uint8Array, dirty: readonly ByteRange[], areaEnd: number): Promise<void> {
    const { reader, file, position, tail } = this.place;
    const spill = spillOf(dirty, areaEnd);
    const [appended, newEnd] = dirty.at(-1) ?? [0, 0];
    if (spill.tail !== undefined) {
      // A token fills a hundredth of a unit, and there may be thousands of units: only changes are copied. Earlier
      // bytes of the unit are here already, or were written and are in the image, as when a ring had begun anew and
      // that was taken back.
      const changed = spill.tail === this.#tail && appended <= this.#end ? dirty : [[spill.tail, newEnd] as const];
      for (const [from, to] of changed) {
        const [begin, end] = [Math.max(from, spill.tail), Math.min(to, newEnd)];
        if (begin < end) tail.set(image.subarray(begin, end), begin - spill.tail);
      }
    }
    this.#tail = spill.tail;
    this.#end = newEnd;
    await allSettled(spill.writes.map(([from, to]) => reader.write(file, image.subarray(from, to), position + from)));
  }

  /**
   * The bytes [offset, offset + length); `offset` is a multiple of the unit. Rejects with READ_FAILED, FILE_CHANGED.
   */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const { reader, file, position } = this.place;
    using memory = new HostMemory(alignUp(length, spillUnit), 'keys and values from the SSD');
    const units = memory.view(0, alignUp(length, spillUnit));
    await reader.read(file, units, position + offset);
    const at = (this.#tail ?? -1) - offset;
    if (this.#tail !== undefined && at >= 0 && at < units.length) units.set(this.#kept(this.#end), at);
    return units.slice(0, length);
  }

  /** The bytes of the unit in memory before `end`. */
  #kept(end: number): Uint8Array {
    return this.place.tail.subarray(0, end - (this.#tail ?? end));
  }

  /** Overwrites the bytes at `offset`, a multiple of the unit, with `bytes`. Rejects with WRITE_FAILED. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    const { reader, file, position } = this.place;
    this.#tail = undefined;
    using memory = new HostMemory(alignUp(bytes.length, spillUnit), 'keys and values for the SSD');
    // Bytes that memory held before may be no numbers.
    memory.clear();
    const units = memory.view(0, alignUp(bytes.length, spillUnit));
    units.set(bytes);
    await reader.write(file, units, position + offset);
  }
}
