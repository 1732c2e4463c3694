import { budgetFor, threadsFor } from '../engine/machine.ts';
import type { ModelOutline } from '../engine/outline.ts';
import { layoutsOf, type PlanOptions, planModel, vocabularyBytes } from '../engine/planner.ts';
import { usualRuntimeBytes } from '../engine/process.ts';
import { Device } from '../ggml/device.ts';
import type { Plan } from '../plan/plan.ts';

export interface ForecastOptions
  extends Pick<PlanOptions, 'context' | 'kv' | 'parallel' | 'ahead' | 'draft' | 'promptCache' | 'kernels'> {
  /** Bytes; left out, most of what is free. */
  readonly memoryBudget?: number | undefined;
  /** Left out, one per core. */
  readonly threads?: number | undefined;
  readonly warn?: ((reason: Error) => void) | undefined;
}

/** The plan by which a process that does nothing else would run the model. Throws the errors of `planModel`. */
export function forecast(outline: ModelOutline, options: ForecastOptions): Plan {
  const { memoryBudget, threads, warn, kernels } = options;
  const budget = budgetFor(memoryBudget, warn);
  using device = new Device(threadsFor(threads, warn), 0);
  const layoutOf = layoutsOf(device, kernels);
  return planModel(outline, device, layoutOf, {
    ...options,
    budget,
    runtime: usualRuntimeBytes(vocabularyBytes(outline)),
  });
}
