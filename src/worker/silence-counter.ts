/**
 * Seconds without a sign of life after which an engine is ended. Measured: loading a vocabulary of 262k tokens takes
 * three.
 */
export const longestSilence = 30;

/**
 * Counts intervals since the last sign of life. They are counted, not timed: a machine that slept, or was stopped, was
 * not silent.
 */
export class SilenceCounter {
  #intervals = 0;
  #announced = 0;

  get intervals(): number {
    return this.#intervals;
  }

  /** True once the silence is longer than is usual, or was announced. */
  get isTooLong(): boolean {
    return this.#intervals >= longestSilence + this.#announced;
  }

  /** Records a sign of life. */
  break(): void {
    this.#intervals = 0;
    this.#announced = 0;
  }

  /** Records a sign of life that announces as many intervals without one. */
  announce(intervals: number): void {
    this.#intervals = 0;
    this.#announced = intervals;
  }

  /** Records that an interval has passed, however long it took. */
  pass(): void {
    this.#intervals += 1;
  }
}
