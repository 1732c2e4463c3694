import { at } from '../base/at.ts';
import { divideIntoRounds, type RoutedExpert } from './expert-rounds.ts';

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

/** A layer whose experts have slots. Times are seconds on this machine. */
export interface RoutedCosts {
  /** Experts that a token uses, and slots. */
  readonly used: number;
  readonly slots: number;
  /** The share of used experts that are found in slots. */
  readonly hits: number;
  /** Time of a step beside its products, and of computing an expert. */
  readonly step: number;
  readonly expert: number;
  /** Time of reading an expert, and that for which reading it keeps a core from computing. */
  readonly read: number;
  readonly core: number;
}

/** Seconds of a layer on average; those that each part would take alone, and those of computing that a pass takes once. */
export interface RoutedForecast {
  readonly seconds: number;
  readonly reading: number;
  readonly computing: number;
  readonly once: number;
}

/** Steps of a layer whose experts are all there, and of each further round: gates and ups, and downs. */
export const expertSteps = { first: 3, further: 2 };

/** A token in a layer whose experts have slots: as `forecastToken` does, on average over the numbers of experts that are missing. */
export function forecastRouted({ used, slots, hits, step, expert, read, core }: RoutedCosts): RoutedForecast {
  let [seconds, once] = [0, 0];
  for (const [missing, chance] of chancesOf(used, 1 - hits).entries()) {
    const steps = expertSteps.first + expertSteps.further * (roundsOf(used, missing, slots) - 1);
    const beside = step * steps + core * missing;
    once += chance * beside;
    seconds += chance * (beside + Math.max((used - missing) * expert, missing * read) + missing * expert);
  }
  return { seconds, reading: (1 - hits) * used * read, computing: once + used * expert, once };
}

/** The chances that 0, 1, 2 ... of `count` happen, each of which does as often as `often` says. */
function chancesOf(count: number, often: number): readonly number[] {
  let chances = [1];
  for (let i = 0; i < count; i += 1) {
    const without = [...chances, 0].map((chance) => chance * (1 - often));
    const one = [0, ...chances].map((chance) => chance * often);
    chances = without.map((chance, n) => chance + at(one, n));
  }
  return chances;
}

/** Rounds in which a token's experts are computed, of which so many are missing. */
function roundsOf(used: number, missing: number, slots: number): number {
  const experts = Array.from(
    { length: used },
    (_, expert): RoutedExpert => ({ expert, pairs: [expert], present: expert >= missing, count: 0 }),
  );
  return divideIntoRounds(experts, { slots, pairs: used }).length;
}
