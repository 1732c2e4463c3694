import { median } from '../base/median.ts';
import type { ExpertStats, GenerationStats } from '../engine/generation-stats.ts';
import type { BenchmarkRound } from './benchmark.ts';

/** The least and the most of the rounds. */
export type FigureRange = readonly [least: number, most: number];

/** The medians of a benchmark's rounds. */
export interface BenchmarkFigures {
  readonly prefill: {
    readonly tokens: number;
    readonly tokens_per_s: number;
    readonly ttft_ms: number;
    readonly bytes_read: number;
  };
  /** Tokens and seconds are those of each round. */
  readonly decode: GenerationStats['decode'] & { readonly fraction_of_limit: number };
  /** Medians of speculation; null if nothing was drafted. */
  readonly speculation: GenerationStats['speculation'] | null;
  /** Medians of experts that were not resident; null if all are, or there are none. */
  readonly experts: ExpertStats | null;
  /** The limits of decoding: reading and computing, each alone, in the same rounds. */
  readonly alone: {
    /** Bytes per second; null if nothing streams. */
    readonly bytes_per_s: number | null;
    readonly compute_s_per_token: number;
  };
  readonly spread: {
    readonly prefill_tokens_per_s: FigureRange;
    readonly decode_tokens_per_s: FigureRange;
    readonly fraction_of_limit: FigureRange;
    readonly bytes_per_s: FigureRange | null;
  };
}

/** Seconds of computing alone the passes that decoded. */
const computingSeconds = ({ speculation, computing_s }: BenchmarkRound): number => speculation.passes * computing_s;

/** Fraction of the limit that decoding reached: what was reached is no more than the limit, which is measured beside it. */
const fractionOfLimit = ({ limit_s, decode }: BenchmarkRound): number => Math.min(1, limit_s / decode.seconds);

/** The medians of at least one round. A ratio is taken in each round, before the median. */
export function medianFigures(rounds: readonly BenchmarkRound[]): BenchmarkFigures {
  const all = (of: (round: BenchmarkRound) => number): number[] => rounds.map(of);
  const prefillRates = all(({ prefill }) => prefill.tokens / prefill.seconds);
  const decodeRates = all(({ decode }) => decode.tokens_per_s);
  const fractions = all(fractionOfLimit);
  const readingRates = rounds.flatMap(({ reading }) => (reading ? [reading.bytes / reading.seconds] : []));
  const streams = readingRates.length > 0;
  return {
    prefill: {
      tokens: median(all(({ prefill }) => prefill.tokens)),
      tokens_per_s: median(prefillRates),
      ttft_ms: median(all(({ prefill }) => prefill.ttft_ms)),
      bytes_read: median(all(({ prefill }) => prefill.bytes_read)),
    },
    decode: {
      tokens: median(all(({ decode }) => decode.tokens)),
      seconds: median(all(({ decode }) => decode.seconds)),
      tokens_per_s: median(decodeRates),
      bytes_per_token: median(all(({ decode }) => decode.bytes_per_token)),
      io_s: median(all(({ decode }) => decode.io_s)),
      compute_s: median(all(({ decode }) => decode.compute_s)),
      stall_s: median(all(({ decode }) => decode.stall_s)),
      fraction_of_limit: median(fractions),
    },
    speculation: speculationOf(rounds),
    experts: expertsOf(rounds),
    alone: {
      bytes_per_s: streams ? median(readingRates) : null,
      compute_s_per_token: median(all((round) => computingSeconds(round) / round.decode.tokens)),
    },
    spread: {
      prefill_tokens_per_s: rangeOf(prefillRates),
      decode_tokens_per_s: rangeOf(decodeRates),
      fraction_of_limit: rangeOf(fractions),
      bytes_per_s: streams ? rangeOf(readingRates) : null,
    },
  };
}

function speculationOf(rounds: readonly BenchmarkRound[]): BenchmarkFigures['speculation'] {
  if (rounds.every(({ speculation }) => speculation.drafted === 0)) return null;
  const middle = (of: keyof GenerationStats['speculation']): number =>
    median(rounds.map(({ speculation }) => speculation[of]));
  return {
    drafted: middle('drafted'),
    accepted: middle('accepted'),
    passes: middle('passes'),
    tokens_per_pass: middle('tokens_per_pass'),
  };
}

function expertsOf(rounds: readonly BenchmarkRound[]): BenchmarkFigures['experts'] {
  const all = rounds.flatMap(({ experts }) => experts ?? []);
  if (all.length === 0) return null;
  const middle = (of: keyof ExpertStats): number => median(all.map((one) => one[of]));
  return { asked: middle('asked'), hits: middle('hits'), bytes_read: middle('bytes_read'), stall_s: middle('stall_s') };
}

const rangeOf = (values: readonly number[]): FigureRange => [Math.min(...values), Math.max(...values)];
