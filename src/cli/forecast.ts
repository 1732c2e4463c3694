import type { Device } from '../ggml/device.ts';
import type { ModelOptions } from '../model/model-options.ts';
import { contextOf } from '../model/preset.ts';
import { summarize } from '../plan/explain.ts';
import { type HitRate, hitsOf } from '../plan/hit-curve.ts';
import { expectToken } from '../plan/measured-model.ts';
import type { Plan } from '../plan/plan.ts';
import type { KernelSpeeds } from '../plan/token-forecast.ts';
import { budgetFor } from '../runtime/machine.ts';
import { measureModel } from '../runtime/measure-model.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import { budgetOn, openDevice } from '../runtime/open-device.ts';
import { layoutLookup, planModel, vocabularyBytes } from '../runtime/planner.ts';
import { usualRuntimeBytes } from '../runtime/process-memory.ts';
import { savedCalibration } from './calibrations.ts';

/** The most draft tokens in a pass, and the draft model if there is one. */
interface Drafting {
  readonly ahead: number;
  readonly outline: ModelOutline | undefined;
}

/**
 * The plan by which a process that does nothing else would run the model; without `drafting` it would not draft. Throws
 * the errors of `planModel`.
 */
export function forecast(outline: ModelOutline, options: ModelOptions, drafting?: Drafting): Plan {
  using device = openDevice(drafting?.outline ? [outline, drafting.outline] : [outline], options);
  return planOn(device, outline, options, drafting);
}

function planOn(device: Device, outline: ModelOutline, options: ModelOptions, drafting?: Drafting): Plan {
  const { memoryBudget, warn, kernels = 'auto', debug } = options;
  const budget = budgetOn(device, budgetFor(memoryBudget, warn), warn);
  debug?.('device', device.facts());
  const plan = planModel(outline, device, layoutLookup(device, kernels), {
    ...options,
    context: contextOf(options, outline.config.context),
    kernels,
    promptCache: options.promptCache?.bytes,
    ahead: drafting?.ahead,
    draft: drafting?.outline,
    budget,
    runtime: usualRuntimeBytes(vocabularyBytes(outline) + outline.graphs.loadedBytes + device.driverBytes),
  });
  debug?.('planned', summarize(plan));
  return plan;
}

/** Decoding as it is to be expected near the start of a text, one text at a time. */
export interface ExpectedSpeed {
  readonly tokens_per_s: number;
  /**
   * The ground of the figure: the last run of this model that the same limited, the speeds of the kernels and of the
   * storage as measured, or, for a storage that no benchmark has measured, those of the kernels and of a usual drive.
   */
  readonly basis: 'last run' | 'calibrated' | 'assumed';
  /** The part that takes longer. */
  readonly bound: 'reading' | 'computing';
  /** The ground of the share of experts that are found in slots: runs of this model, or of others. */
  readonly hits_basis: 'runs' | 'other models' | null;
}

/** A plan, and what is to be expected of it. */
export interface Expectation {
  readonly plan: Plan;
  /** Null for a model that decodes nothing, and for a device with memory of its own. */
  readonly speed: ExpectedSpeed | null;
  readonly hitRate: HitRate;
  /** Speeds of the kernels that it rests on. */
  readonly kernels?: KernelSpeeds;
}

/**
 * The plan of `forecast`, and its speed on this machine; with `likely` speeds of kernels, nothing is measured. Rejects
 * with the errors of `planModel`; where a measurement fails with OUT_OF_MEMORY.
 */
export async function expect(
  outline: ModelOutline,
  options: ModelOptions,
  likely?: KernelSpeeds,
): Promise<Expectation> {
  const { kernels = 'auto', measuredFolder: folder, warn } = options;
  using device = openDevice([outline], options);
  const plan = planOn(device, outline, options);
  // The cost of uploads is not known.
  if (outline.graphs.wholeTexts || plan.host) return { plan, speed: null, hitRate: hitsOf([]) };
  const read = savedCalibration(outline.path)?.bytesPerSecond;
  const parts = { outline, device, layoutOf: layoutLookup(device, kernels), kernels, read, folder, likely, warn };
  const model = await measureModel(parts, plan);
  const { seconds, bound, known } = expectToken(model, plan, outline.graphs.manifest(plan.context, plan.window));
  const reads = plan.bytesPerPass > 0 || plan.experts !== undefined;
  const unknown = reads && read === undefined && model.factors.reading === undefined;
  const guessed = unknown || model.speeds.step === likely?.step;
  const basis = known ? 'last run' : guessed ? 'assumed' : 'calibrated';
  const hits_basis = plan.experts ? (model.hits.length > 0 ? 'runs' : 'other models') : null;
  return {
    plan,
    speed: { tokens_per_s: 1 / seconds, basis, bound, hits_basis },
    hitRate: hitsOf(model.hits),
    kernels: model.speeds,
  };
}
