import { EngineError } from '../base/errors.ts';
import type { Device } from '../ggml/device.ts';
import type { Layout } from '../ggml/layout.ts';
import { pageBytes } from '../ggml/system.ts';
import { kvBytes } from '../kv/store.ts';
import { autoContext, autoParallel, autoPromptCache } from '../plan/defaults.ts';
import { makePlan, type Plan } from '../plan/plan.ts';
import type { Residency } from '../plan/residency.ts';
import { computeBytes } from '../run/measure.ts';
import type { LayoutOf } from '../run/routes.ts';
import { kvShapeOf, type ModelOutline, manifestIn } from './outline.ts';

/** Which kernels multiply resident weights: the fastest layout of the device, or the file's own, bit for bit. */
export type Kernels = 'auto' | 'plain';

export interface PlanOptions {
  /** Bytes. */
  readonly budget: number;
  /** Bytes that the process takes before any weight is loaded. */
  readonly runtime: number;
  /** Tokens; left out, it is chosen. */
  readonly context?: number | undefined;
  /** Sequences computed together; left out, one. */
  readonly parallel?: number | 'auto' | undefined;
  /** Tokens that each may guess ahead; left out, none. */
  readonly ahead?: number | undefined;
  /** Bytes for keys and values of sequences that have ended; left out, none. */
  readonly promptCache?: number | 'auto' | undefined;
  /** What a chosen context should suit. */
  readonly tokens?: Tokens | undefined;
  readonly kernels: Kernels;
  /** For comparing: another way to choose what stays resident. */
  readonly residency?: Residency | undefined;
}

/** A slice takes two operations of a graph, which has room for this many and those of 200 layers. */
const maxSlices = 4096;
/** Plain results must not depend on the budget, so neither may the batch. Small enough for every budget, large enough
 * for attention's kernel for many queries. */
const plainBatch = 64;

/** Tokens at hand: those of the prompt, and the most that the answer may have. */
export interface Tokens {
  readonly prompt: number;
  readonly answer: number;
}

/** Finds the layout of each slice once. */
export function layoutsOf(device: Device, kernels: Kernels): LayoutOf {
  const known = new Map<string, Layout | undefined>();
  return ({ weight, shape }) => {
    if (kernels === 'plain' || shape.length !== 2) return undefined;
    const key = `${weight.type.id} ${shape.join(' ')}`;
    if (!known.has(key)) known.set(key, device.layoutFor(weight.type.id, shape));
    return known.get(key);
  };
}

/**
 * Plans a model under a budget, on a device. Throws BAD_OPTION, BUDGET_TOO_SMALL, CONTEXT_BEYOND_MODEL, MISSING_TENSOR,
 * WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE.
 */
export function planModel(outline: ModelOutline, device: Device, layoutOf: LayoutOf, options: PlanOptions): Plan {
  const { config, file, stages } = outline;
  const { budget, runtime, ahead = 0 } = options;
  if (options.context !== undefined && options.context > config.context) {
    throw new EngineError('CONTEXT_BEYOND_MODEL', { context: options.context, trained: config.context });
  }
  const promptCache = options.promptCache === 'auto' ? autoPromptCache(budget) : (options.promptCache ?? 0);
  const one = {
    trained: config.context,
    kvPerToken: kvBytes(kvShapeOf(config, 1)),
    free: budget - runtime - promptCache,
  };
  const parallel = options.parallel === 'auto' ? autoParallel(one, options.context) : (options.parallel ?? 1);
  checkWhole('parallel', parallel, 1);
  checkWhole('ahead', ahead, 0);
  const all = { ...one, kvPerToken: parallel * one.kvPerToken };
  const context = options.context ?? autoContext(all, options.tokens);

  const kv = kvShapeOf(config, context);
  const model = { stages, weights: file.weights, kv };
  const measured = new Map<string, number>();
  return makePlan({
    budget,
    context,
    runtime,
    kv: parallel * kvBytes(kv) + promptCache,
    parallel,
    ahead,
    promptCache,
    page: pageBytes,
    batch: options.kernels === 'plain' ? plainBatch : undefined,
    residency: options.residency,
    manifest: manifestIn(outline, context),
    converted: (slice) => layoutOf(slice)?.bytes,
    maxSlices,
    compute: (tokens, slices) => {
      const key = `${tokens} ${slices.length}`;
      const bytes =
        measured.get(key) ??
        computeBytes(model, slices, tokens, {
          threads: device.threads,
          parallel,
          ahead,
        });
      measured.set(key, bytes);
      return bytes;
    },
  });
}

/** Throws BAD_OPTION. */
function checkWhole(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new EngineError('BAD_OPTION', { option, value: `${value}`, expected: `a whole number from ${least} on` });
}

/** Bytes that libllama takes for the vocabulary, before it is loaded. Measured: 49k tokens 22 MB, 128k 56 MB. */
export const vocabularyBytes = ({ config }: ModelOutline): number => config.vocabulary * 450;
