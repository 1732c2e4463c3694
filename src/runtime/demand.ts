import type { LayoutOf } from '../exec/bind-weights.ts';
import { computeBytes } from '../exec/measure.ts';
import type { Device } from '../ggml/device.ts';
import { pageBytes } from '../ggml/system.ts';
import type { KvType, Window } from '../plan/kv-options.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Demand, Plan } from '../plan/plan.ts';
import { type KvShape, kvBytes, kvFileBytes, kvRingBytes } from '../state/kv-shape.ts';
import { fitsKvType, kvShapeOf, type ModelOutline, manifestFor } from './model-outline.ts';

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
/** The context of a sequence, and the form in which it is stored. */
export interface KvDemand {
  readonly context: number;
  readonly kvType: KvType;
  readonly window: Window | undefined;
  readonly kvHomes: Plan['kvHomes'];
}

/** Plans a draft model beside another one's context and sequences. Throws the errors of `planModel`. */
export function planDraft(
  outline: ModelOutline,
  device: Device,
  layoutOf: LayoutOf,
  { kernels, parallel, ...kept }: KvDemand & { parallel: number; kernels: 'auto' | 'plain' },
): Plan {
  const within = { ...draftKv(outline, kept), parallel, ahead: 0, promptCache: 0 };
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
  options: KvDemand & { parallel: number; ahead: number; promptCache: number },
): Omit<Demand, 'budget' | 'runtime'> {
  const { context, parallel, ahead } = options;
  const measured = new Map<string, number>();
  return {
    ...options,
    ...kvDemandOf(outline, options),
    page: pageBytes,
    manifest: manifestFor(outline, context, options.window),
    converted: (slice) => layoutOf(slice)?.bytes,
    maxSlices,
    compute: (tokens, slices) => {
      const key = `${tokens} ${slices.length}`;
      // Keys and values are computed on in memory, wherever they live.
      const kv = kvShapeOf(outline.config, { ...options, batch: tokens, kvHomes: undefined });
      const model = { stages: outline.stages, weights: outline.file.weights, kv };
      const bytes =
        measured.get(key) ?? computeBytes(model, slices, tokens, { threads: device.threads, parallel, ahead });
      measured.set(key, bytes);
      return bytes;
    },
  };
}

/** The demand of keys and values. */
export function kvDemandOf(
  { config }: ModelOutline,
  options: KvDemand & { parallel: number; ahead: number; promptCache: number },
): Pick<Demand, 'kv' | 'kvOnSsd' | 'kvHomes'> {
  const { parallel, promptCache, kvHomes } = options;
  const shape = (batch: number): KvShape => kvShapeOf(config, { ...options, batch });
  return {
    kvHomes,
    kv: (tokens) => parallel * kvBytes(shape(tokens)) + kvRingBytes(shape(tokens)) + promptCache,
    kvOnSsd: (tokens) => parallel * kvFileBytes(shape(tokens)),
  };
}

/** The context of a draft model beside a model that keeps `kept`, as far as its heads and its own context allow. */
export function draftKv<T extends KvDemand>({ config }: ModelOutline, kept: T): T {
  const { context, kvType, window } = kept;
  const tokens = window ? Math.min(window.tokens, config.context - window.sinks) : 0;
  const own = window && tokens > 0 ? { ...window, tokens } : undefined;
  return {
    ...kept,
    context: own ? context : Math.min(context, config.context),
    kvType: fitsKvType(config, kvType) ? kvType : 'f16',
    window: own,
  };
}

export const weightBytes = ({ file }: ModelOutline): number =>
  [...file.weights.values()].reduce((sum, { extent }) => sum + extent.length, 0);
