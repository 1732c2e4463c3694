import type { LayoutOf } from '../exec/bind-weights.ts';
import type { Device } from '../ggml/device.ts';
import { pageBytes } from '../ggml/system.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Demand, Plan } from '../plan/plan.ts';
import type { StateOptions } from './model-graphs.ts';
import { fitsKvType, type ModelOutline } from './model-outline.ts';

/**
 * Largest number of slices: each takes two operations of a graph, which has room for this many and 120 for each of 100
 * layers.
 */
const maxSlices = 4096;
/**
 * Plain results must not depend on the budget, so neither may the batch. This one is small enough for every budget,
 * large enough for attention's kernel for many queries.
 */
export const plainBatch = 64;
/** Draft models are small: small slices keep their memory for loading small, and small batches the rest. */
const draftSliceBytes = 8 * 2 ** 20;
const draftBatch = 128;

/** The contexts of sequences, and the form in which they are stored. */
export type KvDemand = Omit<StateOptions, 'batch' | 'ahead'>;

/** Plans a draft model beside another one's context and sequences. Throws the errors of `planModel`. */
export function planDraft(
  outline: ModelOutline,
  device: Device,
  layoutOf: LayoutOf,
  { kernels, ...kept }: KvDemand & { kernels: 'auto' | 'plain' },
): Plan {
  const within = { ...draftKv(outline, kept), ahead: 0, promptCache: 0 };
  return makePlan({
    ...demandOf(outline, device, layoutOf, within),
    // The target's budget pays for it, whatever it takes.
    budget: Number.MAX_SAFE_INTEGER,
    runtime: 0,
    batch: kernels === 'plain' ? plainBatch : draftBatch,
    sliceBytes: draftSliceBytes,
  });
}

/** The demand of a model in a context, whatever the budget. */
export function demandOf(
  outline: ModelOutline,
  device: Device,
  layoutOf: LayoutOf,
  options: KvDemand & { ahead: number; promptCache: number },
): Omit<Demand, 'budget' | 'runtime'> {
  const measured = new Map<string, number>();
  return {
    ...options,
    ...kvDemandOf(outline, options),
    adapters: outline.graphs.adapterBytes,
    page: pageBytes,
    manifest: outline.graphs.manifest(options.context, options.window, device),
    converted: (slice) => layoutOf(slice)?.bytes,
    padding: (slice) => device.paddingOf(slice),
    maxSlices,
    compute: (tokens, slices) => {
      const key = `${tokens} ${slices.length}`;
      const bytes = measured.get(key) ?? outline.graphs.computeBytes({ ...options, batch: tokens }, slices, device);
      measured.set(key, bytes);
      return bytes;
    },
  };
}

/** The demand of keys and values. */
export function kvDemandOf(
  { graphs }: ModelOutline,
  options: KvDemand & { ahead: number; promptCache: number },
): Pick<Demand, 'kv' | 'kvOnSsd' | 'kvReads' | 'kvHomes'> {
  const { promptCache, kvHomes } = options;
  return {
    kvHomes,
    kv: (batch) => graphs.stateBytes({ ...options, batch }).memory + promptCache,
    kvOnSsd: (batch) => graphs.stateBytes({ ...options, batch }).ssd,
    kvReads: kvHomes ? graphs.stateBytes({ ...options, batch: 1 }).parts : 0,
  };
}

/** The context of a draft model beside a model that keeps `kept`, as far as its heads and its own context allow. */
export function draftKv<T extends KvDemand>(outline: ModelOutline, kept: T): T {
  const { config } = outline;
  const { context, kvType, window } = kept;
  const tokens = window ? Math.min(window.tokens, config.context - window.sinks) : 0;
  const own = window && tokens > 0 ? { ...window, tokens } : undefined;
  return {
    ...kept,
    context: own ? context : Math.min(context, config.context),
    kvType: fitsKvType(outline, kvType) ? kvType : 'f16',
    window: own,
  };
}

export const weightBytes = ({ file }: ModelOutline): number =>
  [...file.weights.values()].reduce((sum, { extent }) => sum + extent.length, 0);
