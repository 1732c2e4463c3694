import { at } from '../base/at.ts';

/** Tokens after which a use counts half as much. */
const halfLife = 8;
/** Counts return to units of the present once these have grown so large. Powers of two keep them exact. */
const largestUnit = 2 ** 512;

/** Uses of each expert of a layer, which count half as much every 8 tokens of a text. */
export class ExpertCounters {
  readonly #counts: Float64Array;
  /** The worth of a use now. */
  #unit = 1;
  #tokens = 0;

  constructor(experts: number) {
    this.#counts = new Float64Array(experts);
  }

  /** The count of `expert`; only comparisons mean something. */
  of(expert: number): number {
    return at(this.#counts, expert);
  }

  /** Counts the experts of a batch (used, tokens), a token's after one another, by which `texts` go on together. */
  add(ids: ArrayLike<number>, used: number, texts: number): void {
    for (let i = 0; i < ids.length; i += 1) {
      if (i % (used * texts) === 0) {
        this.#tokens += 1;
        if (this.#tokens % halfLife === 0) this.#unit *= 2;
      }
      const expert = at(ids, i);
      this.#counts[expert] = at(this.#counts, expert) + this.#unit;
    }
    if (this.#unit <= largestUnit) return;
    for (const [expert, count] of this.#counts.entries()) this.#counts[expert] = count / this.#unit;
    this.#unit = 1;
  }

  /** True if `a` is of less worth than `b`: used less or, as often, the one with the lower number. */
  isBelow(a: number, b: number): boolean {
    const difference = this.of(a) - this.of(b);
    return difference < 0 || (difference === 0 && a < b);
  }
}
