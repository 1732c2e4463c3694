import { at } from '../base/at.ts';

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

/** The mean of published curves: hits by the share of a layer's experts that have slots. Models differ by 0.08. */
const shares = [0, 0.05, 0.08, 0.12, 0.16, 0.2, 0.25, 0.3, 0.36, 0.45, 0.55, 0.64, 1];
const hits = [0, 0.4, 0.51, 0.6, 0.67, 0.72, 0.77, 0.81, 0.85, 0.89, 0.92, 0.93, 1];

/** The share of used experts that most models find in slots for `share` of the experts, from 0 to 1. */
export function usualHits(share: number): number {
  const i = Math.max(
    1,
    shares.findIndex((known) => known >= share),
  );
  const [from, to] = [at(shares, i - 1), at(shares, i)];
  const part = (share - from) / (to - from);
  return at(hits, i - 1) + part * (at(hits, i) - at(hits, i - 1));
}
