import { alignUp } from '../base/bytes.ts';
import { allSettled } from '../base/settled.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import type { Reader } from '../stream/reader.ts';
import { type ByteRange, spillOf, spillUnit } from './spill.ts';

/** Where the keys, or the values, of a layer are on the SSD. */
export interface SpillPlace {
  readonly reader: Reader;
  readonly file: number;
  /** Of the first byte in the file, and how many there are: multiples of the unit. */
  readonly position: number;
  readonly bytes: number;
  /** Memory for a unit. */
  readonly tail: Uint8Array;
}

/** The keys, or the values, of a layer on the SSD: all but the newest ones, which wait in memory for their unit to fill. */
export class SpilledArea {
  readonly place: SpillPlace;
  /** Where the unit in memory belongs. */
  #tail: number | undefined;

  constructor(place: SpillPlace) {
    this.place = place;
  }

  /** Brings an image of the first bytes, as it was read, up to date. */
  update(image: Uint8Array): void {
    const { tail } = this.place;
    if (this.#tail === undefined || this.#tail >= image.length) return;
    image.set(tail.subarray(0, image.length - this.#tail), this.#tail);
  }

  /**
   * Of an image that is up to date, the `dirty` ranges have changed, the last one by what was appended before `end`, where
   * the area ends. The image stays as it is until this ends. Rejects with WRITE_FAILED.
   */
  async spill(image: Uint8Array, dirty: readonly ByteRange[], end: number): Promise<void> {
    const { reader, file, position, tail } = this.place;
    const spill = spillOf(dirty, end);
    this.#tail = spill.tail;
    if (spill.tail !== undefined) tail.set(image.subarray(spill.tail, spill.tail + spillUnit));
    await allSettled(spill.writes.map(([from, to]) => reader.write(file, image.subarray(from, to), position + from)));
  }

  /** The bytes [offset, offset + length); `offset` is a multiple of the unit. Rejects with READ_FAILED, FILE_CHANGED. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    const { reader, file, position, tail } = this.place;
    using memory = new HostMemory(alignUp(length, spillUnit), 'keys and values from the SSD');
    const units = memory.view(0, alignUp(length, spillUnit));
    await reader.read(file, units, position + offset);
    const at = (this.#tail ?? -1) - offset;
    if (this.#tail !== undefined && at >= 0 && at < units.length) units.set(tail, at);
    return units.slice(0, length);
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
