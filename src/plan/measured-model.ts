import { addCurves, type HitCurve, hitsOf } from './hit-curve.ts';
import type { Speeds } from './machine-speeds.ts';
import type { ManifestEntry } from './manifest.ts';
import type { ForecastParts } from './pass-forecast.ts';
import type { Plan } from './plan.ts';
import { type Factors, forecastDecode, type Part, parts, type TokenForecast } from './token-forecast.ts';

/** The findings about a model on a machine. */
export interface MeasuredModel {
  /** Speeds of its kernels, and of its storage as far as that was known. */
  readonly speeds: Speeds;
  /** Times that parts took as long as these speeds say, where a run has shown that. */
  readonly factors: Factors;
  /** Hits by number of slots, in all runs; the last ones count most. */
  readonly hits: readonly HitCurve[];
  /** True for what was found while other work was in the way: it counts until it is found in peace. */
  readonly disturbed: { readonly kernels: boolean; readonly run: boolean };
}

/** Nothing was in the way. */
export const undisturbed = { kernels: false, run: false } as const;

/** Tokens that were computed alone in a run. */
export interface MeasuredRun {
  readonly tokens: number;
  readonly seconds: number;
  /** Seconds of them in which computing waited for reads. */
  readonly waited: number;
  /** The hits that their routes have in other numbers of slots. */
  readonly hits: readonly HitCurve[];
  /** True if other work was in the way. */
  readonly disturbed: boolean;
}

/** Tokens from which on their seconds say something about others. */
const enoughTokens = 4;
/** Uses of earlier runs that count at most, for routers of as many experts: some 1000 tokens of most models. */
const mostUses = 2 ** 17;

/**
 * A model with what a run under `plan` has shown: one that other work was in the way of says less than an earlier one.
 * Factors are as far from 1 as is likely: what a run shows beyond is of the machine then.
 */
export function learn(
  model: MeasuredModel,
  run: MeasuredRun,
  plan: Plan,
  manifest: readonly ManifestEntry[],
): MeasuredModel {
  const hits = addCurves([...run.hits, ...model.hits.map(faded)]);
  const { kernels, run: doubted } = model.disturbed;
  const knows = Object.keys(model.factors).length > 0 && !doubted;
  if (run.tokens < enoughTokens || (run.disturbed && knows)) return { ...model, hits };
  const expected = (factors: Factors): TokenForecast =>
    forecastDecode(plan, manifest, model.speeds, hitsOf(run.hits), factors);
  const factors = withinReason(fit(expected, run, doubted ? {} : model.factors));
  return { ...model, factors, hits, disturbed: { kernels, run: run.disturbed } };
}

/** Times that a part may take as long as speeds say before these are measured again, and at most after that. */
const far = { doubtful: 5, most: 8 };

/** True if a run took so much longer, or less long, than speeds say that the machine was busy during one of them. */
export const isDoubtful = ({ factors }: MeasuredModel): boolean =>
  Object.values(factors).some((factor) => Math.max(factor, 1 / factor) > far.doubtful);

function withinReason(factors: Factors): Factors {
  const likely = parts.flatMap((part) => {
    const { [part]: factor } = factors;
    return factor === undefined ? [] : [[part, Math.min(far.most, Math.max(1 / far.most, factor))] as const];
  });
  return Object.fromEntries(likely);
}

/** Seconds of a token, and whether reading or computing takes longer; `known` if a run has shown how long that takes. */
export interface ExpectedToken {
  readonly seconds: number;
  readonly bound: 'reading' | 'computing';
  readonly known: boolean;
  /** True if half of the threads compute it. */
  readonly half: boolean;
}

/** A token under `plan`. */
export function expectToken(
  { speeds, factors, hits }: MeasuredModel,
  plan: Plan,
  manifest: readonly ManifestEntry[],
): ExpectedToken {
  const forecast = forecastDecode(plan, manifest, speeds, hitsOf(hits), factors);
  const { seconds, reading, computing, streaming, half } = forecast;
  const bound = reading > computing + streaming ? 'reading' : 'computing';
  const known = factors[bound === 'reading' ? bound : longerComputing(forecast)] !== undefined;
  return { seconds, bound, known, half };
}

const longerComputing = ({ computing, streaming }: TokenForecast): Part =>
  streaming > computing ? 'streaming' : 'computing';

/** The parts that forecasts of other passes are made of. */
export const forecastParts = (
  { speeds, factors, hits }: MeasuredModel,
  plan: Plan,
  manifest: readonly ManifestEntry[],
): ForecastParts => ({ plan, manifest, speeds, factors, hitRate: hitsOf(hits) });

/**
 * Factors with which a token takes as long as the run's: that of its longest part is found, and none makes a part of the
 * token longer than all of it was.
 */
function fit(expected: (factors: Factors) => TokenForecast, run: MeasuredRun, before: Factors): Factors {
  const token = run.seconds / run.tokens;
  const known = expected(before);
  const capped: { [part in Part]?: number } = { ...before };
  for (const part of parts) {
    const { [part]: factor = 1 } = before;
    if (known[part] > token) capped[part] = (factor * token) / known[part];
  }
  // The part that was expected to be longest made a token shorter that is shorter than expected.
  const shorter = token < known.seconds && known.reading > known.computing + known.streaming;
  const reads = known.reading > 0 && (shorter || run.waited > run.seconds / 2);
  const longest = (x: number): Factors => ({ ...capped, [reads ? 'reading' : longerComputing(known)]: x });
  // Where the other parts take longer than the token already, all of it was faster.
  const { reading = 1, computing = 1, streaming = computing } = before;
  const read = (x: number): Factors => (known.reading > 0 ? { reading: reading * x } : {});
  const all = (x: number): Factors => ({ ...read(x), computing: computing * x, streaming: streaming * x });
  const least = 2 ** -30;
  const factors = expected(longest(least)).seconds <= token ? longest : all;
  // Powers of two between which the factor lies: a token takes the longer the greater it is.
  let [low, high] = [-30, 30];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (expected(factors(2 ** middle)).seconds < token) low = middle;
    else high = middle;
  }
  return factors(2 ** high);
}

/** A curve of earlier runs, with no more uses than count. */
function faded({ asked, depths }: HitCurve): HitCurve {
  const part = asked > mostUses ? mostUses / asked : 1;
  return { asked: asked * part, depths: depths.map((uses) => uses * part) };
}
