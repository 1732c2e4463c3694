import { at } from '../base/at.ts';
import type { HitRate } from './hit-curve.ts';
import { rateOf, readSeconds, type Speeds, withHalf } from './machine-speeds.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Plan } from './plan.ts';
import { type RoutedBank, routedBanks } from './routed-banks.ts';
import { type Factors, forecastAllThreads, forecastDecode, ringSeconds } from './token-forecast.ts';

/** A model under a plan, and the speeds that it is forecast by. */
export interface ForecastParts {
  readonly plan: Plan;
  /** The weights that the model reads. */
  readonly manifest: readonly ManifestEntry[];
  readonly speeds: Speeds;
  /** Times that a token's parts take as long as the speeds say. */
  readonly factors: Factors;
  readonly hitRate: HitRate;
}

/** Experts of a bank that a pass over so many tokens uses, where each token chooses for itself. */
const usedIn = ({ experts, used }: RoutedBank, tokens: number): number =>
  experts * (1 - (1 - used / experts) ** tokens);

/**
 * Seconds of a pass over `tokens` of one text. A `cold` one has to read the residents too, and finds no expert in its
 * slots. Passes of each size are computed with as many threads as are faster, all or half of them.
 */
export function forecastPass(parts: ForecastParts, tokens: number, cold: boolean = false): number {
  const { plan, manifest, speeds, hitRate, factors } = parts;
  if (tokens === 1 && !cold) return forecastDecode(plan, manifest, speeds, hitRate, factors).seconds;
  const all = passSeconds(parts, tokens, cold);
  return Math.min(all, passSeconds({ ...parts, speeds: withHalf(speeds) }, tokens, cold));
}

function passSeconds(parts: ForecastParts, tokens: number, cold: boolean): number {
  const { plan, manifest, speeds, hitRate, factors } = parts;
  const { reading: slowerReads = 1, computing: slower = 1 } = factors;
  const one = forecastAllThreads(plan, manifest, speeds, hitRate, factors);
  const further = (first: number, count: number): number => first * (1 + (count - 1) * speeds.further);
  const rate = rateOf(speeds, !plan.experts) / slower;
  const residents = { count: 0, bytes: cold ? residentBytes(plan) : 0 };
  const experts = { count: 0, bytes: 0 };
  let [alone, routed] = [one.computing + one.streaming - one.once, 0];
  for (const bank of routedBanks(manifest)) {
    const seconds = bank.expertBytes / rate;
    const used = usedIn(bank, tokens);
    alone = Math.max(0, alone - bank.used * seconds);
    routed += used * further(seconds, (tokens * bank.used) / used);
    const missing = cold || !plan.experts ? 1 : Math.max(0, 1 - plan.experts.slots / bank.experts);
    if (!plan.experts) continue;
    experts.bytes += used * missing * bank.expertBytes;
    experts.count += used * missing * bank.weights.length;
  }
  const reading =
    readSeconds(speeds, residents) + ringSeconds(plan, speeds) + readSeconds(speeds, experts, speeds.experts);
  return Math.max(slowerReads * reading, one.once + further(alone, tokens) + routed);
}

/** Seconds from opening a model to the first token of the answer to a prompt of `tokens`. */
export function forecastFirstToken(parts: ForecastParts, tokens: number): number {
  const { batch } = parts.plan;
  const first = Math.min(batch, tokens);
  let seconds = forecastPass(parts, first, true);
  const whole = Math.floor((tokens - first) / batch);
  const rest = tokens - first - whole * batch;
  if (whole > 0) seconds += whole * forecastPass(parts, batch);
  if (rest > 0) seconds += forecastPass(parts, rest);
  return seconds;
}

/** Bytes that are read once, before or in the first pass. */
function residentBytes({ slices, placements }: Plan): number {
  const isResident = (id: number): boolean => ['resident', 'converted'].includes(at(placements, id).kind);
  return slices.reduce((sum, { id, extent }) => sum + (isResident(id) ? extent.length : 0), 0);
}
