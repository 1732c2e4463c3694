import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import type { Device } from '../ggml/device.ts';
import { pageBytes } from '../ggml/system.ts';
import { uploadBytes } from '../pager/open-uploads.ts';
import { isTooSmall } from '../plan/kv-homes.ts';
import type { HostPlan, Plan } from '../plan/plan.ts';
import { spread } from '../plan/residency.ts';
import { pageSpanOf } from '../plan/slices.ts';
import type { ChoiceOptions } from './plan-choices.ts';

/** Options of a plan for a device that has memory of its own. */
interface ApartOptions extends ChoiceOptions {
  /** Bytes of that memory; default: most of what is free. */
  readonly gpuMemory?: number | undefined;
}

/**
 * Plans two memories: a device's own by `planOwn`, and the process's, which holds as much as it can of what streams. Throws
 * BUDGET_TOO_SMALL.
 */
export function planApart<T extends ApartOptions>(
  { room }: Pick<Device, 'room'>,
  options: T,
  planOwn: (own: T) => Plan,
): Plan {
  const { budget, runtime, gpuMemory = room } = options;
  // Copies of prompts are in the process's memory.
  const promptCache = typeof options.promptCache === 'number' ? options.promptCache : 0;
  const plan = withinDevice(() => planOwn({ ...options, budget: gpuMemory, runtime: 0, promptCache: 0 }));
  const parts = { runtime, transit: uploadBytes + plan.shares.compute, 'prompt cache': promptCache };
  const needed = Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
  if (needed > budget) throw new EngineError('BUDGET_TOO_SMALL', { budget, needed, parts });
  const candidates = plan.streamed.map((id) => ({
    id,
    bytes: pageSpanOf(at(plan.slices, id).extent, pageBytes).bytes,
  }));
  const kept = spread(candidates, budget - needed);
  const held = candidates.filter(({ id }) => kept.has(id));
  const host: HostPlan = {
    budget,
    runtime,
    transit: parts.transit,
    promptCache,
    held: held.map(({ id }) => id),
    heldBytes: held.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const heldWeights = held.reduce((sum, { id }) => sum + at(plan.slices, id).extent.length, 0);
  return { ...plan, promptCache, host, bytesPerPass: plan.bytesPerPass - heldWeights };
}

/** Plans the memory of a device, and says so where it is too small. */
function withinDevice(plan: () => Plan): Plan {
  try {
    return plan();
  } catch (error) {
    if (isTooSmall(error)) throw new EngineError('BUDGET_TOO_SMALL', { ...error.details, of: 'gpu' });
    throw error;
  }
}
