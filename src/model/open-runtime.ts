import type { DrafterFactory } from '../engine/draft/drafter-factory.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import type { Device } from '../ggml/device.ts';
import { summarize } from '../plan/explain.ts';
import type { Plan } from '../plan/plan.ts';
import { identityOf } from '../runtime/identity.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import { Runtime } from '../runtime/runtime.ts';
import type { ModelOptions } from './model-options.ts';

/** Parts of a model that its runtime works with. */
interface ModelParts {
  readonly outline: ModelOutline;
  readonly device: Device;
  readonly layoutOf: LayoutOf;
  readonly drafters: DrafterFactory;
  readonly options: ModelOptions;
}

/** libuv's threads if nobody asked for more. */
const defaultIoThreads = 4;

/** Opens the runtime of a model under `plan`, and that of its draft model. Rejects with the errors of `Runtime.open`. */
export async function openModelRuntime(parts: ModelParts, plan: Plan): Promise<Runtime> {
  const { outline, device, layoutOf, drafters, options } = parts;
  const {
    ioThreads = defaultIoThreads,
    reading: measured,
    readAt,
    kernels = 'auto',
    promptCache,
    warn,
    debug,
  } = options;
  debug?.('planned', summarize(plan));
  const most = Math.max(1, ioThreads - 1);
  const reading = { ...measured, inFlight: Math.min(most, measured?.inFlight ?? most), ...(readAt && { readAt }) };
  const shared = { device, layoutOf, reading, exact: kernels === 'plain', debug };
  const runtime = await Runtime.open(outline, plan, {
    ...shared,
    adaptive: drafters.adaptive,
    kvFolder: options.kv?.folder,
    warn,
    identity: identityOf(outline, plan, kernels),
    promptCache: promptCache?.folder === undefined ? undefined : { warn, ...promptCache, folder: promptCache.folder },
  });
  try {
    await drafters.start(plan.draft, shared);
  } catch (error) {
    await runtime[Symbol.asyncDispose]();
    throw error;
  }
  return runtime;
}
