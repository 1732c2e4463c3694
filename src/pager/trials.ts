import { median } from '../base/median.ts';
import type { ReadCosts } from '../plan/machine-speeds.ts';
import type { ReadSettings } from './reader.ts';

/** A setting, and the bytes per second that it reached each time. */
export interface Trial extends ReadSettings {
  readonly rates: readonly number[];
}

const MiB = 2 ** 20;
/** Trials that never came to this share of the best rate cannot become the best. */
const hopeful = 0.8;
/**
 * Rates this close to the best are as good: the difference is noise, and costs less than too few reads in flight do.
 */
const tolerance = 0.15;
/** Shorter reads take more of JavaScript's time than they are worth. */
const worthwhileChunk = 8 * MiB;

/** The best of the median rates. */
export const bestRate = (trials: readonly Trial[]): number => Math.max(...trials.map(({ rates }) => median(rates)));

/** The trials that may still turn out to be the best. One bad sample, or two with a good one, rule nothing out. */
export function contenders<T extends Trial>(trials: readonly T[]): readonly T[] {
  const least = hopeful * bestRate(trials.filter(({ rates }) => rates.length > 0));
  return trials.filter(({ rates }) => rates.length < 2 || Math.max(...rates) >= least);
}

/**
 * The best trial: among those about as fast as the fastest the one with the most reads in flight, and then the one with
 * the smallest chunks that are worthwhile. A read that ends waits for JavaScript to begin the next one: while all cores
 * compute, longer than the device would need, unless others are in flight. Measured with an 8B model on two cores:
 * alone, reads in flight x MiB of 1x4, 4x4, 7x1, 7x4, 7x8, 7x16 all gave 3.5 to 4.2 GB/s, but while decoding 2.8, 3.7,
 * 3.4, 3.8, 3.7, 3.5 (best of three, alternating). With 7 in flight, 8 MiB came to 0.96 of the limit, 4 to 0.95, 16 to
 * 0.93.
 */
export function bestOf(trials: readonly Trial[]): Trial {
  const least = bestRate(trials) * (1 - tolerance);
  const lacking = ({ chunkBytes }: Trial): number => Math.max(0, worthwhileChunk - chunkBytes);
  const [best] = trials
    .filter(({ rates }) => median(rates) >= least)
    .sort((a, b) => b.inFlight - a.inFlight || lacking(a) - lacking(b) || a.chunkBytes - b.chunkBytes);
  if (!best) throw new RangeError('there is nothing to choose from');
  return best;
}

/** Reads of so many bytes each: their bytes a second, and the seconds of a core that each takes. */
export interface ReadSample {
  readonly bytes: number;
  readonly rate: number;
  readonly core: number;
}

/** Costs of reads of which short ones, and long ones, take so long with as many in flight. */
export function costsOf(short: ReadSample, long: ReadSample): ReadCosts {
  const longer = long.bytes - short.bytes;
  const coreByte = longer > 0 ? Math.max(0, (long.core - short.core) / longer) : 0;
  return {
    each: Math.max(0, short.bytes * (1 / short.rate - 1 / long.rate)),
    core: Math.max(0, short.core - coreByte * short.bytes),
    coreByte,
  };
}

/** Times the slowest sample that the fastest one may be, the slowest of all apart: a hiccup. */
const steady = 2;

/** True if samples of a drive are as alike as those of one that does nothing else. */
export function isSteady(rates: readonly number[]): boolean {
  const [, ...others] = rates.toSorted((a, b) => a - b);
  const [least, most] = [others[0], others.at(-1)];
  return least === undefined || most === undefined || most <= steady * least;
}
