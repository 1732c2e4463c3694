/** Of a new measurement, what counts at once. */
const weight = 0.3;
/** Passes after which a measurement counts no more: what was slow once would never be tried again. */
const remembered = 200;

/** How long passes over so many tokens took. */
interface Known {
  readonly tokens: number;
  readonly seconds: number;
  /** The pass that was the last of them. */
  readonly pass: number;
}

/** Predicts how long a pass takes by its number of tokens, from those that were measured. */
export class PassTimes {
  /** The smallest first. */
  #known: readonly Known[] = [];
  #passes = 0;

  measured(tokens: number, seconds: number): void {
    const pass = ++this.#passes;
    const old = this.#known.find((known) => known.tokens === tokens)?.seconds ?? seconds;
    const others = this.#known.filter((known) => known.tokens !== tokens);
    this.#known = [...others, { tokens, seconds: old + weight * (seconds - old), pass }]
      .sort((a, b) => a.tokens - b.tokens)
      .filter((known, i) => i === 0 || pass - known.pass < remembered);
  }

  /**
   * Seconds of a pass over `tokens`; 0 if none was measured. Between two that were measured, on the line through them;
   * beyond, as if more tokens were free up to twice the largest that was measured, and then in proportion: what costs
   * nothing is found out by trying.
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
