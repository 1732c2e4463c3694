import type { Debug } from '../base/debug.ts';
import { budgetFor, threadsFor } from '../engine/machine.ts';
import type { ModelOutline } from '../engine/outline.ts';
import { layoutsOf, type PlanOptions, planModel, vocabularyBytes } from '../engine/planner.ts';
import { usualRuntimeBytes } from '../engine/process.ts';
import { Device } from '../ggml/device.ts';
import { summarize } from '../plan/explain.ts';
import type { Plan } from '../plan/plan.ts';

export interface ForecastOptions
  extends Pick<PlanOptions, 'context' | 'kv' | 'parallel' | 'ahead' | 'draft' | 'promptCache' | 'kernels'> {
  /** Bytes; left out, most of what is free. */
  readonly memoryBudget?: number | undefined;
  /** Left out, one per core. */
  readonly threads?: number | undefined;
  readonly warn?: ((reason: Error) => void) | undefined;
  /** Told of the device and of the plan. */
  readonly debug?: Debug | undefined;
}

/** The plan by which a process that does nothing else would run the model. Throws the errors of `planModel`. */
export function forecast(outline: ModelOutline, options: ForecastOptions): Plan {
  const { memoryBudget, threads, warn, kernels, debug } = options;
  const budget = budgetFor(memoryBudget, warn);
  using device = new Device(threadsFor(threads, warn), 0);
  debug?.('device', device.facts());
  const layoutOf = layoutsOf(device, kernels);
  const plan = planModel(outline, device, layoutOf, {
    ...options,
    budget,
    runtime: usualRuntimeBytes(vocabularyBytes(outline)),
  });
  debug?.('planned', summarize(plan));
  return plan;
}
