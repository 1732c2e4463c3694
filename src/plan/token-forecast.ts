import { at } from '../base/at.ts';
import { awake } from './awake-threads.ts';
import { forecastToken, type LayerForecast } from './expert-forecast.ts';
import type { HitRate } from './hit-curve.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { routedBanks } from './routed-banks.ts';
import { divideIntoSteps } from './steps.ts';

/** Speeds of computing a token: bytes of weights a second, of those as in the file and of those in faster layouts. */
export interface KernelSpeeds {
  /** null where a plan has no weights of the kind. */
  readonly plain: number | null;
  readonly converted: number | null;
  /** Seconds that each step of a pass takes beside its products, and where threads stay awake between steps. */
  readonly step: number;
  readonly stepAwake: number;
}

/** Speeds of a machine: of computing, and of reading, in bytes a second. */
export interface Speeds extends KernelSpeeds {
  readonly read: number;
}

/** Seconds of a token; and those that its reading, and its computing, would take alone. */
export interface TokenForecast {
  readonly seconds: number;
  readonly reading: number;
  readonly computing: number;
}

/** Steps of a layer whose experts are all there, and the others where some have to be read. */
const expertSteps = { there: 3, missing: 3 };
const mostExpertSteps = expertSteps.there + expertSteps.missing;

/**
 * A token under `plan`, computed alone, near the start of a text: keys and values cost nothing yet. `manifest` are the
 * weights that the model reads.
 */
export function forecastDecode(
  plan: Plan,
  manifest: readonly ManifestEntry[],
  speeds: Speeds,
  hitRate: HitRate,
): TokenForecast {
  const layers = layersOf(plan, manifest, speeds, hitRate);
  const sum = (of: (layer: LayerForecast) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  const bytes = plan.bytesPerPass + sum(({ used, hits, expertBytes }) => (1 - hits) * used * expertBytes);
  const computing = sum(({ always, used, expert }) => always + used * expert);
  const reading = bytes / speeds.read;
  // Weights that stream are read whenever no expert is.
  return { seconds: Math.max(forecastToken(layers, speeds.read), reading), reading, computing };
}

/** A layer for the experts of each router that have slots, and one for everything else. */
function layersOf(
  plan: Plan,
  manifest: readonly ManifestEntry[],
  speeds: Speeds,
  hitRate: HitRate,
): readonly LayerForecast[] {
  const banks = routedBanks(manifest);
  const shares = new Map(
    banks.flatMap(({ weights, used, experts }) => weights.map(({ name }) => [name, used / experts])),
  );
  const streamed = streamedSteps(plan);
  let always = 0;
  for (const { weight, extent, id } of plan.slices) {
    const { kind } = at(plan.placements, id);
    if (kind === 'experts') continue;
    always += (extent.length * (shares.get(weight.name) ?? 1)) / rateOf(speeds, kind === 'converted');
  }
  const rest = { used: 0, expert: 0, expertBytes: 0, hits: 1 };
  const step = stepSeconds(speeds, streamed + (plan.experts ? mostExpertSteps * banks.length : 0));
  const common = { ...rest, always: always + step * streamed };
  if (!plan.experts) return [common];
  const { slots } = plan.experts;
  const layers = banks.map(({ experts, used, expertBytes }) => {
    const hits = slots < experts ? hitRate(slots, experts) : 1;
    const steps = expertSteps.there + expertSteps.missing * (1 - hits ** used);
    return { always: step * steps, used, expert: expertBytes / rateOf(speeds, false), expertBytes, hits };
  });
  return [common, ...layers];
}

/** Seconds of a step beside its products, where a pass has so many at most: of longer ones it is next to nothing. */
const stepSeconds = ({ step, stepAwake }: KernelSpeeds, steps: number): number =>
  steps > awake.steps ? Math.min(step, stepAwake) : step;

/** Bytes a second of weights of a kind; where none was measured, of the other kind. */
function rateOf({ plain, converted }: KernelSpeeds, isConverted: boolean): number {
  const rate = isConverted ? (converted ?? plain) : (plain ?? converted);
  if (rate === null) throw new RangeError('no speed was measured');
  return rate;
}

/** Steps of a pass for the weights that stream: one if there are none. */
function streamedSteps({ streamed, slices, stepBytes }: Plan): number {
  const uses = streamed.map((id, node) => ({ slice: id, node, bytes: at(slices, id).extent.length }));
  return Math.max(1, divideIntoSteps(uses, uses.length, { maxBytes: stepBytes }).length);
}
