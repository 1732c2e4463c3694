import { at } from '../base/at.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import { kernelSpeeds } from '../exec/kernel-speeds.ts';
import type { Device } from '../ggml/device.ts';
import { isDoubtful, learn, type MeasuredModel, type MeasuredRun, withinReason } from '../plan/measured-model.ts';
import type { Plan } from '../plan/plan.ts';
import type { KernelSpeeds } from '../plan/token-forecast.ts';
import { measuredKey, measuredModel, saveMeasured } from './measured-models.ts';
import type { ModelOutline } from './model-outline.ts';
import type { Kernels } from './planner.ts';

/** A model on a device, and the folder that remembers what is found out about it. */
export interface MeasuredParts {
  readonly outline: ModelOutline;
  readonly device: Device;
  readonly layoutOf: LayoutOf;
  readonly kernels: Kernels;
  /** The best rate of its storage in bytes a second; undefined until that was measured. */
  readonly read: number | undefined;
  readonly folder: string | undefined;
  /** Speeds of kernels to take those of this model for, where they were never measured. */
  readonly likely?: KernelSpeeds | undefined;
  /** Hears of a folder that remembers nothing. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

/** Bytes a second of a usual drive, for one that was not measured. */
const usualRead = 2e9;

const keyOf = ({ outline, device, kernels }: MeasuredParts): string | undefined =>
  measuredKey(outline, { device: device.kind, threads: device.threads, kernels, variant: device.variant });

/** The findings about a model so far; undefined if there are none. */
export function knownModel(parts: MeasuredParts): MeasuredModel | undefined {
  const [folder, key] = [parts.folder, keyOf(parts)];
  return folder === undefined || key === undefined ? undefined : measuredModel(folder, key);
}

/**
 * Everything that is known about a model's speed under `plan`. Kernels that were never measured are measured now (0.1 s)
 * and remembered, unless likely speeds are given. Rejects with OUT_OF_MEMORY.
 */
export async function measureModel(parts: MeasuredParts, plan: Plan): Promise<MeasuredModel> {
  const known = knownModel(parts);
  const { factors = {}, hits = [] } = known ?? {};
  // Factors of reading are times of the rate that they were found with.
  const read = known && factors.reading !== undefined ? known.speeds.read : (parts.read ?? usualRead);
  const has = known && hasAll(known.speeds, plan);
  const kernels = has ? known.speeds : (parts.likely ?? (await measuredKernels(parts, plan, known?.speeds)));
  const model = { speeds: { ...kernels, read }, factors, hits };
  if (!has && !parts.likely) save(parts, model);
  return model;
}

/**
 * Remembers a run under `plan`. Kernels that it makes doubtful are measured anew: they, too, may have been measured while
 * the machine was busy. Rejects with OUT_OF_MEMORY.
 */
export async function rememberRun(parts: MeasuredParts, plan: Plan, run: MeasuredRun): Promise<void> {
  const manifest = parts.outline.graphs.manifest(plan.context, plan.window);
  const model = await measureModel(parts, plan);
  let learnt = learn(model, run, plan, manifest);
  if (isDoubtful(learnt)) {
    const speeds = { ...model.speeds, ...(await measuredKernels(parts, plan, model.speeds)) };
    learnt = learn({ ...model, speeds, factors: {} }, run, plan, manifest);
  }
  save(parts, withinReason(learnt));
}

/** Speeds of the kernels as they are now. Those of kinds that only other plans have are kept. */
async function measuredKernels(
  { device, layoutOf }: MeasuredParts,
  plan: Plan,
  known: Partial<KernelSpeeds> = {},
): Promise<KernelSpeeds> {
  const found = await kernelSpeeds(device, plan, layoutOf);
  const { plain = null, converted = null } = known;
  return { ...found, plain: found.plain ?? plain, converted: found.converted ?? converted };
}

function save(parts: MeasuredParts, model: MeasuredModel): void {
  const [folder, key] = [parts.folder, keyOf(parts)];
  if (folder === undefined || key === undefined) return;
  try {
    saveMeasured(folder, key, model);
  } catch (error) {
    parts.warn?.(error as Error);
  }
}

/** True if the kernels of all weights of `plan` were measured. */
const hasAll = ({ plain, converted }: KernelSpeeds, { slices, placements }: Plan): boolean =>
  slices.every(({ id, shape }) => {
    if (shape.length < 2) return true;
    return (at(placements, id).kind === 'converted' ? converted : plain) !== null;
  });
