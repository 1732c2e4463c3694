import { at } from '../base/at.ts';
import { awake } from './awake-threads.ts';
import { forecastToken, type LayerForecast } from './expert-forecast.ts';
import type { HitRate } from './hit-curve.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { type RoutedBank, routedBanks } from './routed-banks.ts';
import { pageSpanOf } from './slices.ts';
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
  /** Seconds of a token's operations that are no products with weights: norms, rotations, attention to a short text. */
  readonly rest: number;
  /** Seconds between the passes of two tokens: the choice among the vocabulary. */
  readonly choice: number;
}

/** The faster of two measurements of the same, kind by kind. */
export function fasterOf(a: KernelSpeeds, b: KernelSpeeds): KernelSpeeds {
  const rate = (key: 'plain' | 'converted'): number | null =>
    a[key] === null || b[key] === null ? (a[key] ?? b[key]) : Math.max(a[key], b[key]);
  const least = (key: 'step' | 'stepAwake' | 'further' | 'rest' | 'choice'): number => Math.min(a[key], b[key]);
  return {
    plain: rate('plain'),
    converted: rate('converted'),
    step: least('step'),
    stepAwake: least('stepAwake'),
    further: least('further'),
    rest: least('rest'),
    choice: least('choice'),
  };
}

/** Seconds that a read takes beside its bytes. */
export interface ReadCosts {
  /** Time of the storage, with as many reads in flight as are best. */
  readonly each: number;
  /** Time of one of the cores, which computing has to do without: for a read, and for each byte of it. */
  readonly core: number;
  readonly coreByte: number;
}

/** Costs where none were measured: about those of a core that reads past the page cache. */
export const usualReadCosts: ReadCosts = { each: 1e-5, core: 3.5e-5, coreByte: 1.5e-11 };

/** Speeds of a machine: of computing, and of reading, in bytes a second. */
export interface Speeds extends KernelSpeeds {
  readonly read: number;
  readonly reads: ReadCosts;
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
  /** Seconds of computing that a pass takes once, however many tokens it has: its steps, and what reads take of a core. */
  readonly once: number;
}

/** Steps of a layer whose experts are all there, and the others for each that has to be read. */
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
  const { streamed, once, layers: unscaled } = computingOf(plan, manifest, speeds, hitRate);
  const streaming = slowerStream * (streamed + once.streaming);
  const layers = unscaled.map((layer) => ({ ...layer, always: slower * layer.always, expert: slower * layer.expert }));
  const sum = (of: (layer: LayerForecast) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  const reads = streamedReads(plan);
  const missed = sum(({ used, hits, expertBytes }) => (1 - hits) * used * expertBytes);
  const computing = sum(({ always, used, expert }) => always + used * expert);
  const read = speeds.read / slowerReads;
  const ring = reads.bytes / read + slowerReads * reads.count * speeds.reads.each;
  const reading = ring + missed / read;
  // Weights that stream are read whenever no expert is.
  const seconds = Math.max(throughRing(streaming + forecastToken(layers, read), ring), reading);
  return { seconds, reading, computing, streaming, once: slower * once.computing + slowerStream * once.streaming };
}

/** Segments of the ring: those that are computed on, and those that are read ahead. */
const segments = 4;

/**
 * Seconds of computing and reading that overlap as far as reading ahead reaches. Steps and reads take now more, now less
 * time, so that each waits for the other at times: as a queue of so many places whose times are exponential. That is a
 * quarter longer than the longer one alone where both are equal, and next to nothing where one takes half of the other.
 */
function throughRing(computing: number, reading: number): number {
  const [longer, shorter] = [Math.max(computing, reading), Math.min(computing, reading)];
  if (longer === 0) return 0;
  const ratio = shorter / longer;
  const powers = Array.from({ length: segments }, (_, i) => ratio ** i).reduce((sum, power) => sum + power, 0);
  return longer * (1 + ratio ** segments / powers);
}

/** Bytes of a page: reads past the page cache are of whole ones. */
const page = 4096;
/** Tokens whose keys and values are read at once from the SSD, at least. */
const leastRows = 256;

/** Reads of a pass, experts apart, and their bytes: of weights that stream, and of keys and values that are on the SSD. */
export function streamedReads({ streamed, slices, kvReads, kvOnSsd, parallel, context }: Plan): {
  readonly count: number;
  readonly bytes: number;
} {
  const bytes = streamed.reduce((sum, id) => sum + pageSpanOf(at(slices, id).extent, page).bytes, 0);
  return { count: streamed.length + kvReads, bytes: bytes + (kvOnSsd / parallel) * Math.min(1, leastRows / context) };
}

/** Seconds of computing, as speeds say. */
interface Computing {
  /** Products with weights that stream. */
  readonly streamed: number;
  /** Time that a pass takes once: for what streams, and for everything else; the latter is a part of `layers`. */
  readonly once: { readonly streaming: number; readonly computing: number };
  /** Layers: one for the experts of each router that have slots, and one for everything else that stays. */
  readonly layers: readonly LayerForecast[];
}

function computingOf(plan: Plan, manifest: readonly ManifestEntry[], speeds: Speeds, hitRate: HitRate): Computing {
  const banks = routedBanks(manifest);
  const shares = new Map(
    banks.flatMap(({ weights, used, experts }) => weights.map(({ name }) => [name, used / experts])),
  );
  let [stays, streamed] = [0, 0];
  for (const { weight, extent, id } of plan.slices) {
    const { kind } = at(plan.placements, id);
    if (kind === 'experts') continue;
    const seconds = (extent.length * (shares.get(weight.name) ?? 1)) / rateOf(speeds, kind === 'converted');
    if (kind === 'ring') streamed += seconds;
    else stays += seconds;
  }
  const steps = streamedSteps(plan);
  const step = stepSeconds(speeds, steps + (plan.experts ? mostExpertSteps * banks.length : 0));
  const reads = streamedReads(plan);
  const streams = reads.count > 0;
  const streaming = streams ? step * steps + coreSeconds(speeds, reads) : 0;
  const always = speeds.choice + passSeconds + (streams ? 0 : step * steps);
  const none = { used: 0, expert: 0, expertBytes: 0, hits: 1 };
  const common = { ...none, always: stays + speeds.rest + always };
  const slots = plan.experts?.slots;
  const routed = slots === undefined ? [] : banks.map((bank) => routedLayer(bank, slots, { step, speeds, hitRate }));
  const computing = always + routed.reduce((sum, layer) => sum + layer.always, 0);
  return { streamed, once: { streaming, computing }, layers: [common, ...routed] };
}

/** A layer whose experts have `slots`. */
function routedLayer(
  { experts, used, expertBytes, weights }: RoutedBank,
  slots: number,
  { step, speeds, hitRate }: { readonly step: number; readonly speeds: Speeds; readonly hitRate: HitRate },
): LayerForecast {
  const hits = slots < experts ? hitRate(slots, experts) : 1;
  const missed = (1 - hits) * used;
  const steps = expertSteps.there + expertSteps.missing * missed;
  const reading = coreSeconds(speeds, { count: missed * weights.length, bytes: missed * expertBytes });
  return { always: step * steps + reading, used, expert: expertBytes / rateOf(speeds, false), expertBytes, hits };
}

/** Seconds of a core that reads take: computing waits for it, since threads wait for the last one of them. */
const coreSeconds = (
  { reads: { core, coreByte } }: Speeds,
  { count, bytes }: ReturnType<typeof streamedReads>,
): number => count * core + bytes * coreByte;

/** Seconds between two steps in which weights are leased, on the cores that compute: nothing where there is one step. */
const betweenSteps = 0.00008;
/** Seconds of a pass before its first step and behind its last: it is scheduled, its inputs are written, its logits read. */
const passSeconds = 0.0008;

/** Seconds of a step beside its products, where a pass has so many at most: threads of longer ones sleep, or stay awake. */
const stepSeconds = ({ step, stepAwake }: KernelSpeeds, steps: number): number =>
  (steps > awake.steps ? Math.min(step, stepAwake) : step) + (steps > 1 ? betweenSteps : 0);

/** Bytes a second of weights of a kind; where none was measured, of the other kind. */
export function rateOf({ plain, converted }: KernelSpeeds, isConverted: boolean): number {
  const rate = isConverted ? (converted ?? plain) : (plain ?? converted);
  if (rate === null) throw new RangeError('no speed was measured');
  return rate;
}

/** Steps of a pass for what streams: one if nothing does. */
function streamedSteps({ streamed, slices, stepBytes, kvHomes = [] }: Plan): number {
  const uses = streamed.map((id, node) => ({ slice: id, node, bytes: pageSpanOf(at(slices, id).extent, page).bytes }));
  // A layer whose keys and values are on the SSD is a step, and cuts one in two.
  const alone = kvHomes.filter((home) => home === 'ssd').length;
  return Math.max(1, divideIntoSteps(uses, uses.length, { maxBytes: stepBytes }).length) + 2 * alone;
}
