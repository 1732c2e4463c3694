import { budgetFor, threadsFor } from '../engine/machine.ts';
import type { ModelOutline } from '../engine/outline.ts';
import { layoutsOf, type PlanOptions, planModel, vocabularyBytes } from '../engine/planner.ts';
import { runtimeBytes } from '../engine/process.ts';
import { Device } from '../ggml/device.ts';
import type { Plan } from '../plan/plan.ts';

/** What the process grows by between here and an answer, beside the vocabulary. Measured: 8-12 MiB. */
const answeringBytes = 14 * 2 ** 20;

export interface ForecastOptions
  extends Pick<PlanOptions, 'context' | 'kv' | 'parallel' | 'ahead' | 'draft' | 'promptCache' | 'kernels'> {
  /** Bytes; left out, most of what is free. */
  readonly memoryBudget?: number | undefined;
  /** Left out, one per core. */
  readonly threads?: number | undefined;
  readonly warn?: ((reason: Error) => void) | undefined;
  /** Bytes of this process that the one which runs the model will not take; left out, it is this one. */
  readonly beside?: number | undefined;
}

/** The plan by which a process like this one would run the model. Throws the errors of `planModel`. */
export function forecast(outline: ModelOutline, options: ForecastOptions): Plan {
  const { memoryBudget, threads, warn, kernels, beside = 0 } = options;
  const budget = budgetFor(memoryBudget, warn);
  using device = new Device(threadsFor(threads, warn), 0);
  const layoutOf = layoutsOf(device, kernels);
  return planModel(outline, device, layoutOf, {
    ...options,
    budget,
    runtime: runtimeBytes() - beside + vocabularyBytes(outline) + answeringBytes,
  });
}
