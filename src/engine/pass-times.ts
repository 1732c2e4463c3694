/** A new measurement counts for this share at once. */
const emaStep = 0.3;
/**
 * Passes after which a measurement is forgotten: else a number of tokens that was slow once would never be tried again.
 */
const remembered = 200;

/** The time of passes over so many tokens. */
interface Known {
  readonly tokens: number;
  readonly seconds: number;
  /** The latest pass over that many. */
  readonly pass: number;
}

/** Predicts how long a pass takes by its number of tokens, from those that were measured. */
export class PassTimes {
  /** Measurements by tokens, the smallest first. */
  #known: readonly Known[] = [];
  #passes = 0;

  record(tokens: number, seconds: number): void {
    const pass = ++this.#passes;
    const old = this.#known.find((known) => known.tokens === tokens)?.seconds ?? seconds;
    const others = this.#known.filter((known) => known.tokens !== tokens);
    this.#known = [...others, { tokens, seconds: old + emaStep * (seconds - old), pass }]
      .sort((a, b) => a.tokens - b.tokens)
      .filter((known, i) => i === 0 || pass - known.pass < remembered);
  }

  /**
   * Seconds of a pass over `tokens`; 0 if none was measured. Between two that were measured, on the line through them;
   * beyond, as if more tokens were free up to twice the largest that was measured, and then in proportion: so more
   * tokens are tried where they may cost nothing.
   */
  seconds(tokens: number): number {
    const above = this.#known.find((known) => known.tokens >= tokens);
    const below = this.#known.findLast((known) => known.tokens <= tokens);
    if (!above) return below ? below.seconds * Math.max(1, tokens / (2 * below.tokens)) : 0;
    if (!below || below === above) return above.seconds;
    const share = (tokens - below.tokens) / (above.tokens - below.tokens);
    return below.seconds + share * (above.seconds - below.seconds);
  }
}
