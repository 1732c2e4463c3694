import { at } from '../base/at.ts';
import { forecastRouted, type RoutedForecast } from './expert-forecast.ts';
import type { HitRate } from './hit-curve.ts';
import {
  coreSeconds,
  type Reads,
  type ReadsBeside,
  rateOf,
  readSeconds,
  readsOf,
  type Speeds,
  withHalf,
} from './machine-speeds.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { type RoutedBank, routedBanks } from './routed-banks.ts';
import { pageSpanOf } from './slices.ts';
import { divideIntoSteps } from './steps.ts';

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
  /** True if half of the threads compute it. */
  readonly half: boolean;
}

/** Times as long that all threads have to take for half of them to be better: they are tried first. */
const worthHalf = 1.05;

/**
 * A token under `plan`, computed alone, behind as much text as the speeds were measured with. `manifest` are the
 * weights that the model reads. It is computed with as many threads as are faster, all or half of them: a run finds that out.
 */
export function forecastDecode(...parts: ForecastArguments): TokenForecast {
  const [plan, manifest, speeds, hitRate, factors] = parts;
  const all = forecastAllThreads(...parts);
  const half = forecastAllThreads(plan, manifest, withHalf(speeds), hitRate, factors);
  const faster = half.seconds < all.seconds ? half : all;
  return { ...faster, half: worthHalf * half.seconds < all.seconds };
}

type ForecastArguments = Parameters<typeof forecastAllThreads>;

/** The same, computed with all threads. */
export function forecastAllThreads(
  plan: Plan,
  manifest: readonly ManifestEntry[],
  speeds: Speeds,
  hitRate: HitRate,
  { reading: slowerReads = 1, computing: slower = 1, streaming: slowerStream = slower }: Factors = {},
): TokenForecast {
  const { streamed, once, stays, routed } = computingOf(plan, manifest, speeds);
  const streaming = slowerStream * (streamed + once.streaming);
  const layers = routed.map(({ bank, slots, step }) => {
    const { experts, used, expertBytes, weights } = bank;
    const one = { count: weights.length, bytes: expertBytes };
    return forecastRouted({
      ...{ used, slots, hits: slots < experts ? hitRate(slots, bank) : 1 },
      ...{ step: slower * step, expert: (slower * expertBytes) / rateOf(speeds, false) },
      ...{ core: slower * coreSeconds(speeds, one, speeds.experts) },
      read: slowerReads * readSeconds(speeds, one, speeds.experts),
    });
  });
  const sum = (of: (layer: RoutedForecast) => number): number => layers.reduce((total, layer) => total + of(layer), 0);
  const ring = slowerReads * ringSeconds(plan, speeds);
  const reading = ring + sum((layer) => layer.reading);
  const always = slower * (stays + once.computing);
  const computing = always + sum((layer) => layer.computing);
  // Weights that stream are read whenever no expert is.
  const seconds = Math.max(throughRing(streaming + always + sum((layer) => layer.seconds), ring), reading);
  const beside = slower * once.computing + slowerStream * once.streaming + sum((layer) => layer.once);
  return { seconds, reading, computing, streaming, once: beside, half: false };
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
/** Tokens whose keys and values are read from the SSD: those of a prompt of a usual length. */
const usualRows = 512;

/** Reads of a pass, experts apart: of weights that stream, and of keys and values that are on the SSD. */
function streamedReads({ streamed, slices, kvReads, kvOnSsd, parallel, context }: Plan): Reads {
  const bytes = streamed.reduce((sum, id) => sum + pageSpanOf(at(slices, id).extent, page).bytes, 0);
  return { count: streamed.length + kvReads, bytes: bytes + (kvOnSsd / parallel) * Math.min(1, usualRows / context) };
}

/** Seconds that the storage takes for what a pass reads, experts apart. */
export function ringSeconds(plan: Plan, speeds: Speeds): number {
  const reads = streamedReads(plan);
  return readSeconds(speeds, reads, seenOf(speeds, reads));
}

/** Reads of as many bytes as these, as they were seen. */
const seenOf = ({ ring }: Pick<Speeds, 'ring'>, { count, bytes }: Reads): ReadsBeside | null =>
  count > 0 ? readsOf(ring, bytes / count) : null;

/** Seconds of computing, as speeds say; those of experts in slots are not among them. */
interface Computing {
  /** Products with weights that stream; and everything else that a token computes. */
  readonly streamed: number;
  readonly stays: number;
  /** Time that a pass takes once beside that: for what streams, and for the rest. */
  readonly once: { readonly streaming: number; readonly computing: number };
  /** Routers whose experts have slots, with the seconds of a step. */
  readonly routed: readonly { readonly bank: RoutedBank; readonly slots: number; readonly step: number }[];
}

function computingOf(plan: Plan, manifest: readonly ManifestEntry[], speeds: Speeds): Computing {
  const banks = routedBanks(manifest);
  const shares = new Map(
    banks.flatMap(({ weights, used, experts }) => weights.map(({ name }) => [name, used / experts])),
  );
  let [stays, streamed] = [speeds.rest, 0];
  for (const { weight, extent, id } of plan.slices) {
    const { kind } = at(plan.placements, id);
    if (kind === 'experts') continue;
    const seconds = (extent.length * (shares.get(weight.name) ?? 1)) / rateOf(speeds, kind === 'converted');
    if (kind === 'ring') streamed += seconds;
    else stays += seconds;
  }
  const slots = plan.experts?.slots;
  const steps = streamedSteps(plan);
  // Weights are leased between two steps: nothing is where there is one.
  const between = steps > 1 || slots !== undefined ? betweenSteps : 0;
  const step = speeds.step + between;
  const reads = streamedReads(plan);
  const streams = reads.count > 0;
  const seen = seenOf(speeds, reads);
  const streaming = streams ? (seen ? between : step) * steps + coreSeconds(speeds, reads, seen) : 0;
  const computing = speeds.choice + passSeconds + (streams ? 0 : step * steps);
  const routed = slots === undefined ? [] : banks.map((bank) => ({ bank, slots, step }));
  return { streamed, stays, once: { streaming, computing }, routed };
}

/** Seconds between two steps in which weights are leased, on the cores that compute. */
const betweenSteps = 0.00009;
/** Seconds of a pass before its first step and behind its last: it is scheduled, its inputs are written, its logits read. */
const passSeconds = 0.0008;

/** Steps of a pass for what streams: one if nothing does. */
function streamedSteps({ streamed, slices, stepBytes, kvHomes = [] }: Plan): number {
  const uses = streamed.map((id, node) => ({ slice: id, node, bytes: pageSpanOf(at(slices, id).extent, page).bytes }));
  // A layer whose keys and values are on the SSD is a step, and cuts one in two.
  const alone = kvHomes.filter((home) => home === 'ssd').length;
  return Math.max(1, divideIntoSteps(uses, uses.length, { maxBytes: stepBytes }).length) + 2 * alone;
}
