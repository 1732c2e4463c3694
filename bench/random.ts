/** Reproducible pseudo-random numbers (xorshift32); the seed is any text. */
export class Random {
  #state: number;

  constructor(seed: string) {
    // FNV-1a; zero is the one state that xorshift never leaves.
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193);
    this.#state = hash || 1;
  }

  /** Uniform over all 32-bit patterns but zero. */
  words(count: number): Uint32Array {
    const words = new Uint32Array(count);
    let state = this.#state;
    for (let i = 0; i < count; i += 1) {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      words[i] = state;
    }
    this.#state = state;
    return words;
  }

  /** Uniform with this mean and standard deviation. */
  floats(count: number, { mean, deviation }: { mean: number; deviation: number }): Float32Array {
    const range = deviation * Math.sqrt(12);
    const values = new Float32Array(count);
    const words = this.words(count);
    for (let i = 0; i < count; i += 1) values[i] = mean - range / 2 + (words[i] ?? 0) * (range / 2 ** 32);
    return values;
  }
}
