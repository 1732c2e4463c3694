import { at } from '../base/at.ts';
import { formatBytes } from '../base/bytes.ts';
import { type ExpertSummary, summarizeExperts } from './expert-summary.ts';
import { type HitRate, usualHits } from './hit-curve.ts';
import { type Plan, planBytes } from './plan.ts';

/** A plan in numbers, for people and programs: bytes, counts of weights. */
export interface PlanSummary {
  readonly budget: number;
  readonly context: number;
  /** The type that keys and values are stored as. */
  readonly kv_type: Plan['kvType'];
  /** The part of a text that is seen and kept; null if it is all. */
  readonly window: NonNullable<Plan['window']> | null;
  readonly batch: number;
  readonly memory: Plan['shares'];
  /** `converted` of the weights are in a faster kernel layout than the file's. */
  readonly resident: { readonly weights: number; readonly bytes: number; readonly converted: number };
  readonly streamed: { readonly weights: number; readonly bytes: number };
  /** Experts of which some are in memory at a time; null if there are none, or all are resident. */
  readonly experts: ExpertSummary | null;
  /** Keys and values on the SSD, when all texts have grown to the context. */
  readonly kv_on_ssd: { readonly bytes: number; readonly layers: number };
  /**
   * The process's memory beside a device's own, which the numbers above are of: its budget, and the bytes of streamed weights
   * that are kept there; null where all is in the process's.
   */
  readonly host: { readonly budget: number; readonly runtime: number; readonly held: number } | null;
  /** Bytes read from the SSD for each token of a text that has grown to the context, when one is decoded at a time. */
  readonly bytes_per_token: number;
}

/** The numbers of `plan`; its experts are found as often as `hitRate` says. */
export function summarize(plan: Plan, hitRate: HitRate = usualHits): PlanSummary {
  const weights = { resident: new Set<string>(), streamed: new Set<string>() };
  const converted = new Set<string>();
  const bytes = { resident: 0, streamed: 0 };
  for (const slice of plan.slices) {
    const { kind } = at(plan.placements, slice.id);
    if (kind === 'experts') continue;
    const home = kind === 'ring' ? 'streamed' : 'resident';
    if (kind === 'converted') converted.add(slice.weight.name);
    weights[home].add(slice.weight.name);
    bytes[home] += slice.extent.length;
  }
  const experts = plan.experts ? summarizeExperts(plan.experts, hitRate) : null;
  return {
    budget: plan.budget,
    context: plan.context,
    kv_type: plan.kvType,
    window: plan.window ?? null,
    batch: plan.batch,
    memory: plan.shares,
    resident: { weights: weights.resident.size, bytes: bytes.resident, converted: converted.size },
    streamed: { weights: weights.streamed.size, bytes: bytes.streamed },
    experts,
    kv_on_ssd: { bytes: plan.kvOnSsd, layers: layersOnSsd(plan) },
    host: plan.host
      ? { budget: plan.host.budget, runtime: plan.host.runtime + plan.host.transit, held: plan.host.heldBytes }
      : null,
    bytes_per_token: plan.bytesPerPass + (experts?.bytes_per_token ?? 0) + plan.kvOnSsd / plan.parallel,
  };
}

/**
 * "4.1 GiB of weights: 1.1 GiB resident, 3 GiB streamed for each token", "17 GiB of weights: 1.3 GiB resident, 43 of 128
 * experts in memory, about 290 MiB of others read for each token"
 */
export function headline(plan: Plan, hitRate: HitRate = usualHits): string {
  const { resident, streamed, experts } = summarize(plan, hitRate);
  const all = `${formatBytes(resident.bytes + streamed.bytes + (experts?.bytes ?? 0))} of weights`;
  if (streamed.bytes === 0 && !experts) return `${all}, all resident`;
  const held = streamed.bytes - plan.bytesPerPass;
  const parts = [`${formatBytes(resident.bytes)} resident`];
  if (plan.host && held > 0) parts.push(`${formatBytes(held)} uploaded from memory for each token`);
  if (plan.bytesPerPass > 0) parts.push(`${formatBytes(plan.bytesPerPass)} streamed for each token`);
  if (experts) {
    const { slots, of, bytes_per_token } = experts;
    parts.push(
      `${slots} of ${of} experts in memory, about ${formatBytes(bytes_per_token)} of others read for each token`,
    );
  }
  return `${all}: ${parts.join(', ')}`;
}

const layersOnSsd = ({ kvHomes }: Plan): number => kvHomes?.filter((home) => home === 'ssd').length ?? 0;

/** Keys and values that live on the SSD, if any do. */
function onSsd(plan: Plan): readonly (readonly [string, string])[] {
  if (plan.kvOnSsd === 0) return [];
  const layers = layersOnSsd(plan);
  const of = layers === plan.kvHomes?.length ? '' : ` of ${layers} layers`;
  return [['KV on SSD', `${formatBytes(plan.kvOnSsd)}${of}, read for each token as far as the text goes`]];
}

/** Slots for experts, if they have some. */
function inSlots(plan: Plan, hitRate: HitRate): readonly (readonly [string, string])[] {
  if (!plan.experts) return [];
  const { slots, of, used, expected_hits } = summarizeExperts(plan.experts, hitRate);
  const hits = `${Math.round(100 * expected_hits)} %`;
  const taken = formatBytes(plan.shares.experts);
  return [
    ['experts', `${taken} for ${slots} of ${of} in each layer; a token uses ${used}, and finds ${hits} of them there`],
  ];
}

/** "4096 tokens", "the last 1024 and the first 4 tokens" */
function keptOf({ window, context }: Plan): string {
  if (!window) return `${context} tokens`;
  const { tokens, sinks } = window;
  return sinks > 0 ? `the last ${tokens} and the first ${sinks} tokens` : `the last ${tokens} tokens`;
}

/** The memory of the process where the device has its own, which the lines behind are about. */
function hostLines({ host }: Plan): readonly (readonly [string, string])[] {
  if (!host) return [];
  const { budget, runtime, transit, promptCache, heldBytes } = host;
  const kept = promptCache > 0 ? `, prompts ${formatBytes(promptCache)}` : '';
  const parts = `process ${formatBytes(runtime)}, on the way to the device ${formatBytes(transit)}${kept}`;
  return [['memory', `${formatBytes(budget)}: ${parts}, weights ${formatBytes(heldBytes)}`]];
}

/** The budget, share by share, in lines of "name bytes". */
export function shareLines(plan: Plan, hitRate: HitRate = usualHits): readonly (readonly [string, string])[] {
  const { runtime, kv, compute, ring, resident, adapters, draft } = plan.shares;
  return [
    ...hostLines(plan),
    ['process', formatBytes(runtime)],
    ['KV', `${formatBytes(kv)} for ${keptOf(plan)} as ${plan.kvType}`],
    ...onSsd(plan),
    ['compute', `${formatBytes(compute)} for ${plan.batch} tokens at once`],
    ['ring', formatBytes(ring)],
    ['resident', formatBytes(resident)],
    ...inSlots(plan, hitRate),
    ...(adapters > 0 ? [['adapters', formatBytes(adapters)] as const] : []),
    ...(plan.draft ? [['draft', `${formatBytes(draft)}, the draft model with its KV`] as const] : []),
    ['unused', formatBytes(plan.budget - planBytes(plan))],
  ];
}
