/** The rows of a matrix that were used last, as many as fit: texts repeat their tokens. */
export class RowCache {
  readonly #memory: Uint8Array;
  readonly #length: number;
  readonly #capacity: number;
  /** Places by row, those of rows that were used longest ago first. */
  readonly #places = new Map<number, number>();

  /** A cache in `memory` for rows of `length` bytes. */
  constructor(memory: Uint8Array, length: number) {
    this.#memory = memory;
    this.#length = length;
    this.#capacity = Math.floor(memory.length / length);
  }

  /** The bytes of `row`, valid until another one is added. */
  get(row: number): Uint8Array | undefined {
    const place = this.#places.get(row);
    if (place === undefined) return undefined;
    this.#places.delete(row);
    this.#places.set(row, place);
    return this.#at(place);
  }

  /** Keeps a copy of `bytes`, those of a row that is not in the cache, in the place of the row used longest ago. */
  add(row: number, bytes: Uint8Array): void {
    if (this.#capacity === 0) return;
    let place = this.#places.size;
    if (place === this.#capacity) {
      const [oldest] = this.#places.keys();
      place = this.#places.get(oldest as number) as number;
      this.#places.delete(oldest as number);
    }
    this.#at(place).set(bytes);
    this.#places.set(row, place);
  }

  #at(place: number): Uint8Array {
    return this.#memory.subarray(place * this.#length, (place + 1) * this.#length);
  }
}
