import { at, last } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { ExpertDemand } from './expert-demand.ts';
import { slotBytes } from './expert-slots.ts';
import { type Demand, type Placement, type Plan, planBytes } from './plan.ts';
import { type PlanWay, sliceSizesFor, waysFor } from './plan-ways.ts';
import { spread } from './residency.ts';
import { residentParts } from './resident-parts.ts';
import { layWeights } from './ring-modes.ts';
import { cutIntoSlices, pageSpanOf, type Slice } from './slices.ts';

const MiB = 2 ** 20;
const batches = [512, 384, 256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1] as const;
/** Segments the ring must hold: one computed on, one being waited for, two on their way. */
const ringSegments = 4;
/** Reading ahead, and intermediate results, may take these shares of what is free for weights. */
const ringShare = 1 / 4;
const computeShare = 1 / 8;
/**
 * A prompt takes a pass for each batch: tokens at once, up to this many, are worth more than weights of this many
 * bytes, which are read in milliseconds.
 */
const worthyBatch = 16;
const cheapBytes = 4 * MiB;

/**
 * Divides the budget: as much as possible stays resident; if not all fits, the rest streams through the smallest ring
 * that keeps the device busy. Weights that every token uses come before experts, of which each router has as many slots as
 * the others. Throws BUDGET_TOO_SMALL with the smallest budget that works.
 */
export function makePlan(demand: Demand): Plan {
  const tokens = batchesFor(demand);
  const largeBatches = tokens.slice(0, 4);
  for (const way of waysFor(demand)) {
    const batches = way.stream || way.slots ? tokens : largeBatches;
    const sizes = sliceSizesFor(demand, way);
    for (const [i, sliceBytes] of sizes.entries()) {
      const plan = attempt(demand, sliceBytes, batches, { ...way, strict: i < sizes.length - 1 });
      if (plan) return plan;
    }
  }
  throw tooSmall(demand, { whole: largeBatches, streaming: tokens });
}

const adapterBytes = ({ adapters = 0 }: Demand): number => adapters;
const draftBytes = ({ draft }: Demand): number => (draft ? planBytes(draft) : 0);
/** Bytes that do not depend on how the weights are cut and placed. */
const fixedBytes = (demand: Demand): number => demand.runtime + adapterBytes(demand) + draftBytes(demand);

/** Batch sizes to try, the best first. A pass that verifies draft tokens has room for as many tokens anyway. */
function batchesFor({ batch, context, ahead = 0 }: Demand): readonly number[] {
  if (batch !== undefined) return [Math.min(batch, context)];
  const least = Math.min(1 + ahead, context);
  return [...batches.filter((n) => n <= context && n > least), least];
}

/**
 * A plan with slices of `sliceBytes`, or undefined if there is none. `strict` keeps ring and compute to their shares.
 */
function attempt(
  demand: Demand,
  sliceBytes: number,
  tokens: readonly number[],
  how: PlanWay & { readonly strict: boolean },
): Plan | undefined {
  const sized = size(demand, sliceBytes, how);
  const free = demand.budget - fixedBytes(demand);
  const ring = how.stream ? sized.ring : sized.loadingRing;
  const left = free - ring - sized.fixed - (how.stream ? 0 : sized.streamable);
  if (left < 0) return undefined;
  const least = leastBatch(demand, sized, tokens);
  const [needed, forWeights] = [costOf(demand, sized, least), free - demand.kv(least)];
  if (how.strict && ring > forWeights * ringShare) return undefined;

  const most = Math.max(needed + cheapBytes, demand.kv(least) + forWeights * computeShare);
  for (const batch of tokens.filter((tokens) => tokens >= least)) {
    const cost = costOf(demand, sized, batch);
    if (cost > left || ((how.stream || how.slots) && batch > least && cost > most)) continue;
    return placeWeights(demand, sized, {
      batch,
      compute: demand.compute(batch, sized.slices),
      kv: demand.kv(batch),
      ring,
    });
  }
  return undefined;
}

/** Kernels read nothing behind a slice. */
const noPadding = (): number => 0;

/** Bytes of a slice in its place: whole pages of the file, and whole pages for what is read behind them. */
export const segmentBytes = (slice: Slice, page: number, padding: Demand['padding'] = noPadding): number =>
  pageSpanOf(slice.extent, page).bytes + alignUp(padding(slice), page);

/** Bytes of a batch, with the fewest slots for experts. */
const costOf = (demand: Demand, { slices, experts }: Sized, tokens: number): number =>
  demand.compute(tokens, slices) + demand.kv(tokens) + leastBytes(experts, tokens);

/** Bytes of the fewest slots for experts, and of what they take beside. */
const leastBytes = (experts: Sized['experts'], tokens: number): number =>
  experts ? experts.demand.bytes(experts.least, tokens) : 0;

/**
 * The smallest batch of any plan: the largest, up to one that is worth it, that costs little more than the last of
 * `tokens`.
 */
function leastBatch(demand: Demand, sized: Sized, tokens: readonly number[]): number {
  const least = last(tokens);
  const cost = costOf(demand, sized, least);
  return tokens.find((tokens) => tokens <= worthyBatch && costOf(demand, sized, tokens) - cost <= cheapBytes) ?? least;
}

interface Sized {
  readonly slices: readonly Slice[];
  readonly streamable: number;
  /** Bytes of slices that must be resident. */
  readonly fixed: number;
  readonly ring: number;
  /** Bytes to convert resident slices through when nothing streams. */
  readonly loadingRing: number;
  readonly mayStream: readonly boolean[];
  readonly converted: readonly (number | undefined)[];
  readonly cost: readonly number[];
  /** Experts that have slots, in slices as large as their banks; `least` are the fewest of each router. */
  readonly experts:
    | { readonly demand: ExpertDemand; readonly least: number; readonly slices: ReadonlySet<number> }
    | undefined;
}

function size(demand: Demand, sliceBytes: number, { slots }: Pick<PlanWay, 'slots'>): Sized {
  const slices: Slice[] = [];
  const mayStream: boolean[] = [];
  const banks = new Set<number>();
  const resident = new Set<number>();
  for (const { weight, streamable, experts } of demand.manifest) {
    if (experts) (slots ? banks : resident).add(slices.length);
    const whole = { weight, row: 0, shape: weight.shape, extent: weight.extent };
    for (const part of streamable ? cutIntoSlices(weight, sliceBytes) : [whole]) {
      slices.push({ ...part, id: slices.length });
      mayStream.push(streamable);
    }
  }
  const pageBytes = ({ extent }: Pick<Slice, 'extent'>): number => pageSpanOf(extent, demand.page).bytes;
  const placedBytes = (slice: Slice): number => segmentBytes(slice, demand.page, demand.padding);
  // Others may not fit through the ring, which takes matrices, and banks expert by expert: they keep the file's layout.
  const converted = slices.map((s) => (mayStream[s.id] || resident.has(s.id) ? demand.converted(s) : undefined));
  const cost = slices.map((s) => converted[s.id] ?? placedBytes(s));
  const sum = (ids: readonly Slice[]): number => ids.reduce((total, s) => total + at(cost, s.id), 0);
  const fixed = slices.filter((s) => !mayStream[s.id] && !banks.has(s.id));
  const largest = slices.filter((s) => mayStream[s.id]).reduce((max, s) => Math.max(max, placedBytes(s)), 0);
  const loaded = slices
    .filter((s) => converted[s.id] !== undefined)
    .flatMap((s) => residentParts(s, { converted: true }))
    .reduce((max, part) => Math.max(max, pageBytes(part)), 0);
  return {
    slices,
    mayStream,
    converted,
    cost,
    streamable: sum(slices.filter((s) => mayStream[s.id])),
    fixed: sum(fixed),
    ring: ringSegments * largest,
    loadingRing: ringSegments * loaded,
    experts: banks.size > 0 ? { ...slotsFor(demand), slices: banks } : undefined,
  };
}

/** Experts in slots: the fewest are one of each router, or as many as were asked for. */
function slotsFor({ manifest, page, expertCache = 0, parallel, ahead }: Demand): {
  demand: ExpertDemand;
  least: number;
} {
  const demand = new ExpertDemand(manifest, page, { parallel, ahead });
  return { demand, least: demand.mostSlots((slots) => slotBytes(demand.banks, slots, page) <= expertCache) };
}

/** Decisions made before weights are placed. */
interface BatchShares {
  readonly batch: number;
  readonly compute: number;
  readonly kv: number;
  readonly ring: number;
}

function placeWeights(demand: Demand, sized: Sized, chosen: BatchShares): Plan {
  const { slices, mayStream, converted, cost, experts } = sized;
  const room = demand.budget - fixedBytes(demand) - chosen.kv - chosen.compute - chosen.ring - sized.fixed;
  const free = room - leastBytes(experts, chosen.batch);
  const candidates = slices.filter((s) => mayStream[s.id]).map((s) => ({ id: s.id, bytes: at(cost, s.id) }));
  const kept = (demand.residency ?? spread)(candidates, free);
  const streamed = slices.filter((s) => mayStream[s.id] && !kept.has(s.id));
  const left = room - candidates.reduce((sum, { id, bytes }) => sum + (kept.has(id) ? bytes : 0), 0);
  const slots = experts ? slotsWithin(demand, experts, { left, batch: chosen.batch }) : 0;
  const orders = new Map(streamed.map((s, order) => [s.id, order]));

  const placements: Placement[] = [];
  let arena = 0;
  let resident = 0;
  for (const s of slices) {
    const bytes = converted[s.id];
    const order = orders.get(s.id);
    if (order !== undefined) {
      placements.push({ kind: 'ring', order });
      continue;
    }
    if (experts?.slices.has(s.id)) {
      placements.push({ kind: 'experts' });
      continue;
    }
    resident += at(cost, s.id);
    if (bytes !== undefined) {
      placements.push({ kind: 'converted', bytes });
    } else {
      placements.push({ kind: 'resident', offset: arena });
      arena += segmentBytes(s, demand.page, demand.padding);
    }
  }
  return {
    budget: demand.budget,
    context: demand.context,
    kvType: demand.kvType ?? 'f16',
    window: demand.window,
    kvHomes: demand.kvHomes,
    kvOnSsd: demand.kvOnSsd?.(chosen.batch) ?? 0,
    kvReads: demand.kvReads ?? 0,
    parallel: demand.parallel ?? 1,
    ahead: demand.ahead ?? 0,
    promptCache: demand.promptCache ?? 0,
    batch: chosen.batch,
    slices,
    placements,
    streamed: streamed.map((s) => s.id),
    ringModes: layWeights(
      streamed.map((s) => ({ bytes: segmentBytes(s, demand.page, demand.padding), converted: converted[s.id] })),
      chosen.ring,
    ),
    stepBytes: chosen.ring / ringSegments,
    shares: {
      runtime: demand.runtime,
      kv: chosen.kv,
      compute: chosen.compute,
      ring: chosen.ring,
      resident,
      experts: experts ? experts.demand.bytes(slots, chosen.batch) : 0,
      adapters: adapterBytes(demand),
      draft: draftBytes(demand),
    },
    experts: experts && { slots, banks: experts.demand.banks },
    bytesPerPass: streamed.reduce((sum, s) => sum + s.extent.length, 0),
    draft: demand.draft,
    host: undefined,
  };
}

/** Slots of each router in the bytes that are left, or as many as were asked for. */
function slotsWithin(
  { expertCache }: Demand,
  { demand, least }: NonNullable<Sized['experts']>,
  { left, batch }: { left: number; batch: number },
): number {
  return expertCache === undefined ? demand.mostSlots((slots) => demand.bytes(slots, batch) <= left) : least;
}

/** The error for a budget that nothing fits in; it names the smallest that works and its parts. */
function tooSmall(demand: Demand, tokens: { whole: readonly number[]; streaming: readonly number[] }): EngineError {
  const { promptCache = 0 } = demand;
  const parts = (batch: number, { slices, experts }: Sized, rest: { ring: number; resident: number }) => ({
    runtime: demand.runtime,
    KV: demand.kv(batch) - promptCache,
    ...(promptCache > 0 && { 'prompt cache': promptCache }),
    ...(adapterBytes(demand) > 0 && { adapters: adapterBytes(demand) }),
    ...(demand.draft && { 'draft model': draftBytes(demand) }),
    compute: demand.compute(batch, slices),
    ...(experts && {
      [experts.least > 1 ? 'expert cache' : 'experts']: experts.demand.bytes(experts.least, batch),
    }),
    ...rest,
  });
  const total = (shares: ReturnType<typeof parts>): number => Object.values(shares).reduce((a, b) => a + b, 0);
  const least = waysFor(demand).map((way) => {
    const sized = size(demand, last(sliceSizesFor(demand, way)), way);
    const batch = leastBatch(demand, sized, way.stream || way.slots ? tokens.streaming : tokens.whole);
    const { ring, loadingRing, fixed, streamable } = sized;
    // A tiny model takes less than the ring it would stream through.
    return parts(
      batch,
      sized,
      way.stream ? { ring, resident: fixed } : { ring: loadingRing, resident: fixed + streamable },
    );
  });
  const smallest = least.reduce((a, b) => (total(b) <= total(a) ? b : a));
  return new EngineError('BUDGET_TOO_SMALL', { budget: demand.budget, needed: total(smallest), parts: smallest });
}
