import { Device } from '../ggml/device.ts';
import type { ModelOptions } from '../model/model-options.ts';
import { summarize } from '../plan/explain.ts';
import type { Plan } from '../plan/plan.ts';
import { budgetFor, threadsFor } from '../runtime/machine.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import { layoutLookup, planModel, vocabularyBytes } from '../runtime/planner.ts';
import { usualRuntimeBytes } from '../runtime/process-memory.ts';

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
  const { memoryBudget, threads, warn, kernels = 'auto', debug } = options;
  const budget = budgetFor(memoryBudget, warn);
  using device = new Device(threadsFor(threads, warn), 0);
  debug?.('device', device.facts());
  const plan = planModel(outline, device, layoutLookup(device, kernels), {
    ...options,
    kernels,
    promptCache: options.promptCache?.bytes,
    ahead: drafting?.ahead,
    draft: drafting?.outline,
    budget,
    runtime: usualRuntimeBytes(vocabularyBytes(outline) + outline.graphs.loadedBytes),
  });
  debug?.('planned', summarize(plan));
  return plan;
}
