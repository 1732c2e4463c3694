import { kernelRate } from '../exec/kernel-rate.ts';
import { Device } from '../ggml/device.ts';
import type { ModelOptions } from '../model/model-options.ts';
import { summarize } from '../plan/explain.ts';
import type { Plan } from '../plan/plan.ts';
import { secondsOfToken } from '../plan/token-forecast.ts';
import { budgetFor, threadsFor } from '../runtime/machine.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
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

/** Decoding as it is to be expected near the start of a text, one text at a time. */
export interface ExpectedSpeed {
  readonly tokens_per_s: number;
  /** Bytes of weights that the storage gives in a second, as a benchmark measured it; null if nothing is read. */
  readonly read_bytes_per_s: number | null;
  /** Bytes of weights that a token is multiplied with in a second, as was measured just now. */
  readonly compute_bytes_per_s: number;
}

/** The speed of a plan on this machine; null if weights are read and no benchmark has measured their storage. */
export async function expectedSpeed(
  outline: ModelOutline,
  plan: Plan,
  { threads }: Pick<ModelOptions, 'threads'>,
): Promise<ExpectedSpeed | null> {
  const reads = plan.bytesPerPass > 0 || plan.experts !== undefined;
  const measured = reads ? savedCalibration(outline.path) : undefined;
  if (reads && !measured) return null;
  const manifest = outline.graphs.manifest(outline.config.context);
  const [first, ...others] = manifest.map(({ weight }) => weight);
  if (!first) return null;
  const largest = others.reduce((a, b) => (b.extent.length > a.extent.length ? b : a), first);
  using device = new Device(
    threadsFor(threads, () => {}),
    0,
  );
  const compute = await kernelRate(device, largest.type);
  const read = measured?.bytesPerSecond ?? Number.POSITIVE_INFINITY;
  return {
    tokens_per_s: 1 / secondsOfToken(plan, manifest, { read, compute }),
    read_bytes_per_s: measured?.bytesPerSecond ?? null,
    compute_bytes_per_s: compute,
  };
}
