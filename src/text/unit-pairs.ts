const bits = 22;

/**
 * Pairs of neighbouring UTF-16 units that some tokens have in them, in 512 KiB. A pair that was added is always found;
 * so are a few others.
 */
export class UnitPairs {
  readonly #bits: Uint32Array = new Uint32Array(2 ** bits / 32);

  add(before: number, after: number): void {
    const place = placeOf(before, after);
    this.#bits[place >>> 5] = (this.#bits[place >>> 5] as number) | (1 << (place & 31));
  }

  addAll(text: string): void {
    for (let i = 1; i < text.length; i += 1) this.add(text.charCodeAt(i - 1), text.charCodeAt(i));
  }

  has(before: number, after: number): boolean {
    const place = placeOf(before, after);
    return (((this.#bits[place >>> 5] as number) >>> (place & 31)) & 1) === 1;
  }
}

const placeOf = (before: number, after: number): number =>
  Math.imul((before << 16) | after, 0x9e3779b1) >>> (32 - bits);
