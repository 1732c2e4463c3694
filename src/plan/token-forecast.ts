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
  /** The part of a token's products, from 0 to 1, that each further token of the same pass takes. */
  readonly further: number;
}

/** Speeds of a machine: of computing, and of reading, in bytes a second. */
export interface Speeds extends KernelSpeeds {
  readonly read: number;
}

/** Parts of a token's time: reading, computing with weights that stay, and with those that stream. */
export const parts = ['reading', 'computing', 'streaming'] as const;
export type Part = (typeof parts)[number];

/**
 * Times that parts take as long as speeds say; 1 where none is known, of streaming that of computing. Weights that stream
 * come from memory that a drive has just written, in many short steps: SmolLM2 took 21 ms a token so, and 7 ms once all of it
 * stayed.
 */
export type Factors = { readonly [part in Part]?: number };

/** Seconds of a token; and those that each part would take alone. */
export interface TokenForecast extends Readonly<Record<Part, number>> {
  readonly seconds: number;
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
  { reading: slowerReads = 1, computing: slower = 1, streaming: slowerStream = slower }: Factors = {},
): TokenForecast {
  const { streamed, layers: unscaled } = computingOf(plan, manifest, speeds, hitRate);
  const streaming = slowerStream * streamed;
  const layers = unscaled.map((layer) => ({ ...layer, always: slower * layer.always, expert: slower * layer.expert }));
  const sum = (of: (layer: LayerForecast) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  const bytes = plan.bytesPerPass + sum(({ used, hits, expertBytes }) => (1 - hits) * used * expertBytes);
  const computing = sum(({ always, used, expert }) => always + used * expert);
  const read = speeds.read / slowerReads;
  const reading = bytes / read;
  // Weights that stream are read whenever no expert is.
  const seconds = Math.max(streaming + forecastToken(layers, read), reading);
  return { seconds, reading, computing, streaming };
}

/**
 * Seconds of computing: with weights that stream, their steps included, and by layers: one for the experts of each router
 * that have slots, and one for everything else that stays.
 */
function computingOf(
  plan: Plan,
  manifest: readonly ManifestEntry[],
  speeds: Speeds,
  hitRate: HitRate,
): { readonly streamed: number; readonly layers: readonly LayerForecast[] } {
  const banks = routedBanks(manifest);
  const shares = new Map(
    banks.flatMap(({ weights, used, experts }) => weights.map(({ name }) => [name, used / experts])),
  );
  const steps = streamedSteps(plan);
  let [stays, streams] = [0, 0];
  for (const { weight, extent, id } of plan.slices) {
    const { kind } = at(plan.placements, id);
    if (kind === 'experts') continue;
    const seconds = (extent.length * (shares.get(weight.name) ?? 1)) / rateOf(speeds, kind === 'converted');
    if (kind === 'ring') streams += seconds;
    else stays += seconds;
  }
  const step = stepSeconds(speeds, steps + (plan.experts ? mostExpertSteps * banks.length : 0));
  const streamed = streams > 0 ? streams + step * steps : 0;
  const rest = { used: 0, expert: 0, expertBytes: 0, hits: 1 };
  const common = { ...rest, always: stays + (streams > 0 ? 0 : step * steps) };
  if (!plan.experts) return { streamed, layers: [common] };
  const { slots } = plan.experts;
  const layers = banks.map(({ experts, used, expertBytes }) => {
    const hits = slots < experts ? hitRate(slots, experts) : 1;
    const steps = expertSteps.there + expertSteps.missing * (1 - hits ** used);
    return { always: step * steps, used, expert: expertBytes / rateOf(speeds, false), expertBytes, hits };
  });
  return { streamed, layers: [common, ...layers] };
}

/**
 * Seconds between two steps in which weights are leased and reads end, on the cores that compute: on two of them 0.35 ms
 * in a mixture, 0.2 ms in a small dense model. Where there is one step, there is nothing between.
 */
const betweenSteps = 0.00025;

/** Seconds of a step beside its products, where a pass has so many at most: threads of longer ones sleep, or stay awake. */
const stepSeconds = ({ step, stepAwake }: KernelSpeeds, steps: number): number =>
  (steps > awake.steps ? Math.min(step, stepAwake) : step) + (steps > 1 ? betweenSteps : 0);

/** Bytes a second of weights of a kind; where none was measured, of the other kind. */
export function rateOf({ plain, converted }: KernelSpeeds, isConverted: boolean): number {
  const rate = isConverted ? (converted ?? plain) : (plain ?? converted);
  if (rate === null) throw new RangeError('no speed was measured');
  return rate;
}

/** Steps of a pass for the weights that stream: one if there are none. */
function streamedSteps({ streamed, slices, stepBytes }: Plan): number {
  const uses = streamed.map((id, node) => ({ slice: id, node, bytes: at(slices, id).extent.length }));
  return Math.max(1, divideIntoSteps(uses, uses.length, { maxBytes: stepBytes }).length);
}
