import { addCurves, type HitCurve, hitsOf } from './hit-curve.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { forecastDecode, type Speeds, type TokenForecast } from './token-forecast.ts';

/** Parts of a token's time. */
export type Part = 'reading' | 'computing';

/** The findings about a model on a machine. */
export interface MeasuredModel {
  /** Speeds of its kernels, and of its storage as far as that was known. */
  readonly speeds: Speeds;
  /** Times that reading, and computing, took as long as these speeds say, where a run has shown that. */
  readonly factors: { readonly [part in Part]?: number };
  /** Hits by number of slots, in all runs; the last ones count most. */
  readonly hits: readonly HitCurve[];
}

/** Tokens that were computed alone in a run. */
export interface MeasuredRun {
  readonly tokens: number;
  readonly seconds: number;
  /** Seconds of them in which computing waited for reads. */
  readonly waited: number;
  /** The hits that their routes have in other numbers of slots. */
  readonly hits: readonly HitCurve[];
}

/** Tokens from which on their seconds say something about others. */
const enoughTokens = 4;
/** Uses of earlier runs that count at most, for routers of as many experts: some 1000 tokens of most models. */
const mostUses = 2 ** 17;

/** A model with what a run under `plan` has shown. */
export function learn(
  model: MeasuredModel,
  run: MeasuredRun,
  plan: Plan,
  manifest: readonly ManifestEntry[],
): MeasuredModel {
  const hits = addCurves([...run.hits, ...model.hits.map(faded)]);
  if (run.tokens < enoughTokens) return { ...model, hits };
  const expected = (factors: MeasuredModel['factors']): TokenForecast =>
    forecastDecode(plan, manifest, scaled(model.speeds, factors), hitsOf(run.hits));
  return { ...model, factors: fit(expected, run, model.factors), hits };
}

/** A token under `plan`, and its part that takes longer. */
export function expectToken(
  { speeds, factors, hits }: MeasuredModel,
  plan: Plan,
  manifest: readonly ManifestEntry[],
): { readonly seconds: number; readonly bound: Part } {
  const { seconds, reading, computing } = forecastDecode(plan, manifest, scaled(speeds, factors), hitsOf(hits));
  return { seconds, bound: reading > computing ? 'reading' : 'computing' };
}

const scaled = ({ read, plain, converted, step, stepAwake }: Speeds, factors: MeasuredModel['factors']): Speeds => {
  const { reading = 1, computing = 1 } = factors;
  const slower = (rate: number | null): number | null => (rate === null ? null : rate / computing);
  return {
    read: read / reading,
    plain: slower(plain),
    converted: slower(converted),
    step: step * computing,
    stepAwake: stepAwake * computing,
  };
};

/**
 * Factors with which a token takes as long as the run's: that of its longer part is found, and none makes a part of the
 * token longer than all of it was.
 */
function fit(
  expected: (factors: MeasuredModel['factors']) => TokenForecast,
  { tokens, seconds, waited }: MeasuredRun,
  before: MeasuredModel['factors'],
): MeasuredModel['factors'] {
  const token = seconds / tokens;
  const known = expected(before);
  const most = (part: Part): MeasuredModel['factors'] => {
    const { [part]: factor = 1 } = before;
    return known[part] > token ? { [part]: (factor * token) / known[part] } : {};
  };
  const capped = { ...before, ...most('reading'), ...most('computing') };
  const part: Part = waited > seconds / 2 && known.reading > 0 ? 'reading' : 'computing';
  // Powers of two between which the factor lies: a token takes the longer the greater it is.
  let [low, high] = [-30, 30];
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    if (expected({ ...capped, [part]: 2 ** middle }).seconds < token) low = middle;
    else high = middle;
  }
  return { ...capped, [part]: 2 ** high };
}

/** A curve of earlier runs, with no more uses than count. */
function faded({ asked, depths }: HitCurve): HitCurve {
  const part = asked > mostUses ? mostUses / asked : 1;
  return { asked: asked * part, depths: depths.map((uses) => uses * part) };
}
