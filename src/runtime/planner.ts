import { tmpdir } from 'node:os';
import type { ModelFacts } from '../arch/facts.ts';
import { EngineError } from '../base/errors.ts';
import { checkOnDisk, memoryFileSystem } from '../base/memory-folder.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import type { Device } from '../ggml/device.ts';
import type { KernelLayout } from '../ggml/kernel-layout.ts';
import { kvShareOf } from '../plan/defaults.ts';
import { chooseKvHomes, isTooSmall } from '../plan/kv-homes.ts';
import { type KvHomeOption, maxWindowedTokens } from '../plan/kv-options.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Plan } from '../plan/plan.ts';
import type { Residency } from '../plan/residency.ts';
import { demandOf, kvDemandOf, plainBatch, planDraft } from './demand.ts';
import { checkModelCan, type ModelOutline } from './model-outline.ts';
import { planApart } from './plan-apart.ts';
import { type ChoiceOptions, choicesFor, freeBytes, leastBatch, type PlanChoice, roomier } from './plan-choices.ts';
import { textBytes } from './text-bytes.ts';

/**
 * Kernels for resident weights: the fastest layout of the device, or the file's own, bit for bit.
 *
 * @example const kernels: Kernels = 'plain';
 */
export type Kernels = 'auto' | 'plain';

export interface PlanOptions extends ChoiceOptions {
  readonly kernels: Kernels;
  /** Bytes for experts; default: what is left. */
  readonly expertCache?: number | undefined;
  /** Another way to choose residents, for comparisons. */
  readonly residency?: Residency | undefined;
  /** Bytes of the memory of a device that is apart; default: most of what is free. */
  readonly gpuMemory?: number | undefined;
}

/** Finds the layout of each slice once. */
export function layoutLookup(device: Device, kernels: Kernels): LayoutOf {
  const known = new Map<string, KernelLayout | undefined>();
  return ({ weight, shape }) => {
    if (kernels === 'plain' || shape.length < 2) return undefined;
    const key = `${weight.type.id} ${shape.join(' ')}`;
    if (!known.has(key)) known.set(key, device.layoutFor(weight.type.id, shape));
    return known.get(key);
  };
}

/**
 * Plans a model under a budget, on a device. Throws BAD_OPTION, BUDGET_TOO_SMALL, CONTEXT_BEYOND_MODEL, IN_MEMORY,
 * MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE.
 */
export function planModel(outline: ModelOutline, device: Device, layoutOf: LayoutOf, options: PlanOptions): Plan {
  checkOptions(outline, options);
  if (device.memory === 'apart' && options.kv?.home === 'ssd') {
    const what = 'keys and values of its own memory cannot live on the SSD: leave --kv-home out';
    throw new EngineError('DEVICE_UNSUITABLE', { device: device.name, what });
  }
  return device.memory === 'apart'
    ? planApart(device, options, (own) => planMemory(outline, device, layoutOf, own))
    : planMemory(outline, device, layoutOf, options);
}

/** Plans the memory that a device computes in. */
function planMemory(outline: ModelOutline, device: Device, layoutOf: LayoutOf, options: PlanOptions): Plan {
  const home = kvHomeFor(options);
  const planWith = (choice: PlanChoice): Plan => planAs(outline, device, layoutOf, { ...options, ...choice }, home);
  let refused: EngineError | undefined;
  for (const chosen of choicesFor(outline, options)) {
    try {
      const plan = planWith(chosen);
      const least = leastFor(plan.shares.draft, options);
      if (least.needed <= options.budget) return roomier(plan, outline, options, planWith);
      throw new EngineError('BUDGET_TOO_SMALL', { budget: options.budget, ...least });
    } catch (error) {
      if (!isTooSmall(error)) throw error;
      refused = withSpare(error, options);
    }
  }
  throw refused;
}

/**
 * The home of keys and values as far as options decide it. Throws IN_MEMORY if files are wanted where they would take
 * memory.
 */
function kvHomeFor({ promptCache, kv: { home = 'auto', folder = tmpdir() } = {} }: PlanOptions): KvHomeOption {
  if (home === 'ssd') checkOnDisk(folder);
  // A cache that was asked for can copy only from memory.
  const inMemory = isAskedFor({ promptCache }) || memoryFileSystem(folder) !== undefined;
  return home === 'auto' && inMemory ? 'ram' : home;
}

function planAs(
  outline: ModelOutline,
  device: Device,
  layoutOf: LayoutOf,
  options: PlanOptions & PlanChoice,
  home: KvHomeOption,
): Plan {
  const { budget, runtime, ahead = 0, draft, kernels, context, parallel, promptCache } = options;
  const { type: kvType = 'f16', window } = options.kv ?? {};
  const { wholeTexts } = outline.graphs;
  const batch = wholeTexts ? context : kernels === 'plain' ? plainBatch : undefined;
  const demanded = { context, kvType, window, kvHomes: undefined, parallel, kernels };
  const drafting = draft && planDraft(draft, device, layoutOf, demanded);
  const wanted = { ...demanded, ahead, promptCache };
  const demand = demandOf(outline, device, layoutOf, wanted);
  const planWith = (kvHomes: Plan['kvHomes']): Plan => {
    // Keys and values on the SSD are not copied to memory.
    const copies = kvHomes?.includes('ssd') ? 0 : promptCache;
    return makePlan({
      ...demand,
      ...kvDemandOf(outline, { ...wanted, kvHomes, promptCache: copies }),
      promptCache: copies,
      budget,
      runtime: runtime + textBytes({ context, parallel, ahead, draftModel: draft !== undefined }),
      batch,
      residency: options.residency,
      expertCache: options.expertCache,
      draft: drafting,
    });
  };
  // Bytes of a device's own memory are not stored on the way.
  const costs = device.memory === 'apart' ? undefined : outline.graphs.homeCosts({ ...wanted, batch: leastBatch });
  if (!costs) return planWith(undefined);
  return chooseKvHomes(home, planWith, { ...costs, share: kvShareOf(freeBytes(outline, options, promptCache)) });
}

/** Bytes by which processes with the same model differ; the smallest budget that is named works for them all. */
const spareBytes = 4 * 2 ** 20;

/** The error for a budget that is too small, with something to spare. */
function withSpare({ details }: EngineError<'BUDGET_TOO_SMALL'>, options: PlanOptions): EngineError {
  const least = leastFor(details.parts['draft model'] ?? 0, options);
  const { needed, parts } = least.needed > details.needed ? least : details;
  const { runtime = options.runtime } = parts;
  return new EngineError('BUDGET_TOO_SMALL', {
    budget: options.budget,
    needed: needed + spareBytes,
    parts: { ...parts, runtime: runtime + spareBytes },
  });
}

/** True for a prompt cache of a given size. */
const isAskedFor = ({ promptCache }: Pick<PlanOptions, 'promptCache'>): boolean =>
  typeof promptCache === 'number' && promptCache > 0;

/** The least budget, in which a prompt cache that was asked for takes half of what could be chosen. */
function leastFor(
  draft: number,
  options: PlanOptions,
): Pick<EngineError<'BUDGET_TOO_SMALL'>['details'], 'needed' | 'parts'> {
  const { runtime, promptCache } = options;
  const cache = isAskedFor(options) ? Number(promptCache) : 0;
  const parts = {
    runtime,
    ...(draft > 0 && { 'draft model': draft }),
    'prompt cache': cache,
    'as much for all else': cache,
  };
  return { needed: runtime + draft + 2 * cache, parts };
}

/** Throws BAD_OPTION, CONTEXT_BEYOND_MODEL, and the errors of `checkModelCan`. */
function checkOptions(outline: ModelOutline, options: PlanOptions): void {
  const { parallel = 1, ahead = 0, promptCache = 0, expertCache, kv } = options;
  checkModelCan(outline, options);
  checkContext(outline.config, options);
  if (parallel !== 'auto') checkWhole('parallel', parallel, 1);
  checkWhole('draft.ahead', ahead, 0);
  if (promptCache !== 'auto') checkWhole('promptCache.bytes', promptCache, 0);
  if (expertCache !== undefined) checkWhole('expertCache', expertCache, 0);
  if (kv?.home === 'ssd' && isAskedFor(options)) {
    const expected = 'none, or auto, where keys and values live on the SSD: they are not copied to memory';
    throw new EngineError('BAD_OPTION', { option: 'promptCache.bytes', value: `${promptCache}`, expected });
  }
}

/** Throws BAD_OPTION, CONTEXT_BEYOND_MODEL. */
function checkContext({ context: trained }: ModelFacts, { context, kv: { window } = {} }: PlanOptions): void {
  if (window) {
    checkWhole('kv.window.tokens', window.tokens, 1);
    checkWhole('kv.window.sinks', window.sinks, 0);
    if (context !== undefined && context > maxWindowedTokens) {
      throw new EngineError('BAD_OPTION', {
        option: 'context',
        value: `${context}`,
        expected: `${maxWindowedTokens} at most`,
      });
    }
  }
  // A window slides over any text, as long as the part that it shows at once is no longer than the model knows.
  const seen = window ? window.tokens + window.sinks : context;
  if (seen === undefined || seen <= trained) return;
  if (!window) throw new EngineError('CONTEXT_BEYOND_MODEL', { context: seen, trained });
  const { tokens, sinks } = window;
  const expected = `no more, with ${sinks} sinks, than the ${trained} tokens the model was trained for`;
  throw new EngineError('BAD_OPTION', { option: 'kv.window.tokens', value: `${tokens}`, expected });
}

/** Throws BAD_OPTION. */
function checkWhole(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new EngineError('BAD_OPTION', { option, value: `${value}`, expected: `a whole number from ${least} on` });
}

/** Bytes that libllama takes for the vocabulary, before it is loaded. Measured: 49k tokens 22 MB, 128k 56 MB. */
export const vocabularyBytes = ({ config }: ModelOutline): number => config.vocabulary * 450;
