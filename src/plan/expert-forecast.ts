/** A layer as one token sees it. Times are seconds on this machine. */
export interface LayerForecast {
  /** Computing that every token does. */
  readonly always: number;
  /** Experts that a token uses; 0 in a layer without. */
  readonly used: number;
  /** Computing, and bytes, of one expert. */
  readonly expert: number;
  readonly expertBytes: number;
  /** The share of used experts that are found in slots. */
  readonly hits: number;
}

/**
 * Seconds of a token when experts are read at `rate` bytes a second: in each layer those that are there are computed while
 * the others are read, which are computed then. Misses of a layer are known only once its router has been computed, so
 * layers do not make up for each other.
 */
export const forecastToken = (layers: readonly LayerForecast[], rate: number): number =>
  layers.reduce((sum, { always, used, expert, expertBytes, hits }) => {
    const missed = (1 - hits) * used;
    return sum + always + Math.max(hits * used * expert, (missed * expertBytes) / rate) + missed * expert;
  }, 0);
