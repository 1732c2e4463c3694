/** A pass that mixes prompts with decoding takes this many times as long as one that only decodes. */
const slowdown = 3;
/** Tokens of a prompt beside decoding, before anything is known; and the fewest. */
const firstChunk = 32;
const leastChunk = 8;
/** A new measurement counts for this share at once. */
const emaStep = 0.3;

/**
 * Chooses how many tokens of prompts join a pass in which others decode: the others shall not wait long for a newcomer,
 * and the newcomer shall get on. Learns from the passes that went by.
 */
export class PromptChunk {
  #decoding: number | undefined;
  #perToken: number | undefined;

  /** The most tokens of prompts in the next pass in which somebody decodes. */
  get tokens(): number {
    if (this.#decoding === undefined || this.#perToken === undefined) return firstChunk;
    return Math.max(leastChunk, Math.round(((slowdown - 1) * this.#decoding) / this.#perToken));
  }

  /**
   * Records that a pass over `decoding` tokens of sequences that decode and `prompts` tokens of prompts took `seconds`.
   */
  record({ decoding, prompts, seconds }: { decoding: number; prompts: number; seconds: number }): void {
    // A coarse clock tells nothing of a short pass.
    if (decoding === 0 || seconds <= 0) return;
    if (prompts === 0) this.#decoding = blend(this.#decoding, seconds);
    else if (this.#decoding !== undefined) {
      // Some prompt tokens hide behind reading: then they cost next to nothing.
      const cost = Math.max(seconds - this.#decoding, 0.01 * this.#decoding) / prompts;
      this.#perToken = blend(this.#perToken, cost);
    }
  }

  /** Records that a pass over `prompts` tokens of prompts alone took `seconds`, where others decode in passes between. */
  recordAlone(prompts: number, seconds: number): void {
    if (this.#decoding === undefined || seconds <= 0) return;
    // Reading takes the same time for fewer tokens: these tell nothing of more, unless they take too long already.
    const tells = prompts >= this.tokens || seconds > (slowdown - 1) * this.#decoding;
    if (tells) this.#perToken = blend(this.#perToken, seconds / prompts);
  }
}

const blend = (old: number | undefined, now: number): number => (old === undefined ? now : old + emaStep * (now - old));
