import { EngineError } from '../base/errors.ts';
import type { Device } from '../ggml/device.ts';
import type { Layout } from '../ggml/layout.ts';
import { pageBytes } from '../ggml/system.ts';
import { type KvShape, kvBytes, kvFileBytes, kvPlaces, kvRingBytes, partBytes } from '../kv/shape.ts';
import type { Config } from '../model/architecture.ts';
import { autoContext, autoParallel, autoPromptCache, kvShareOf } from '../plan/defaults.ts';
import { type KvOptions, type KvType, mostTokens, type Window } from '../plan/kv-choice.ts';
import { chooseHomes } from '../plan/kv-homes.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Demand, Plan } from '../plan/plan.ts';
import type { Residency } from '../plan/residency.ts';
import { computeBytes } from '../run/measure.ts';
import type { LayoutOf } from '../run/routes.ts';
import { checkKvType, kvShapeOf, type ModelOutline, manifestIn, suits } from './outline.ts';

/** Which kernels multiply resident weights: the fastest layout of the device, or the file's own, bit for bit. */
export type Kernels = 'auto' | 'plain';

export interface PlanOptions {
  /** Bytes. */
  readonly budget: number;
  /** Bytes that the process takes before any weight is loaded. */
  readonly runtime: number;
  /** Tokens; left out, it is chosen. */
  readonly context?: number | undefined;
  readonly kv?: KvOptions | undefined;
  /** Sequences computed together; left out, one. */
  readonly parallel?: number | 'auto' | undefined;
  /** Tokens that each may guess ahead; left out, none. */
  readonly ahead?: number | undefined;
  /** The model that guesses; it is resident as a whole. */
  readonly draft?: ModelOutline | undefined;
  /** Bytes for keys and values of sequences that have ended; left out, none. */
  readonly promptCache?: number | 'auto' | undefined;
  /** What a chosen context should suit. */
  readonly tokens?: Tokens | undefined;
  readonly kernels: Kernels;
  /** For comparing: another way to choose what stays resident. */
  readonly residency?: Residency | undefined;
}

/** A slice takes two operations of a graph, which has room for this many and 120 of 100 layers. */
const maxSlices = 4096;
/** Plain results must not depend on the budget, so neither may the batch. Small enough for every budget, large enough
 * for attention's kernel for many queries. */
const plainBatch = 64;
/** A draft model is small: small slices make its memory for loading small, and few tokens at once the rest. */
const draftSliceBytes = 8 * 2 ** 20;
const draftBatch = 128;
/** A context is chosen before the batch is: as if passes were short. */
const leastBatch = 1;

/** What is kept of each sequence. */
interface Kept {
  readonly context: number;
  readonly kvType: KvType;
  readonly window: Window | undefined;
  readonly kvHomes: Plan['kvHomes'];
}

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
  const { config } = outline;
  const { budget, runtime, ahead = 0, draft } = options;
  const { type: kvType = 'f16', window } = options.kv ?? {};
  checkKvType(outline, kvType);
  checkContext(config, options);
  const promptCache = options.promptCache === 'auto' ? autoPromptCache(budget) : (options.promptCache ?? 0);
  const kept = { kvType, window, kvHomes: undefined, batch: leastBatch, ahead };
  const one = {
    trained: config.context,
    kv: (context: number) =>
      kvBytes(kvShapeOf(config, { ...kept, context })) +
      (draft ? kvBytes(kvShapeOf(draft.config, draftKv(draft, { ...kept, context }))) : 0),
    free: budget - runtime - promptCache - (draft ? weightBytes(draft) : 0),
  };
  const most = options.context ?? (window && mostTokens);
  const parallel = options.parallel === 'auto' ? autoParallel(one, most) : (options.parallel ?? 1);
  checkWhole('parallel', parallel, 1);
  checkWhole('ahead', ahead, 0);
  const all = { ...one, kv: (context: number) => parallel * one.kv(context) };
  const context = most ?? autoContext(all, options.tokens);

  const batch = options.kernels === 'plain' ? plainBatch : undefined;
  const demanded = { context, kvType, window, kvHomes: undefined, parallel, kernels: options.kernels };
  const drafting = draft && planDraft(draft, device, layoutOf, demanded);
  const wanted = { ...demanded, ahead, promptCache };
  const demand = demandOf(outline, device, layoutOf, wanted);
  const planWith = (kvHomes: Plan['kvHomes']): Plan => {
    // What lives on the SSD is not copied to memory.
    const copies = kvHomes?.includes('ssd') ? 0 : promptCache;
    return makePlan({
      ...demand,
      ...kvDemandOf(outline, { ...wanted, kvHomes, promptCache: copies }),
      promptCache: copies,
      budget,
      runtime,
      batch,
      residency: options.residency,
      draft: drafting,
    });
  };
  const layers = kvPlaces(kvShapeOf(config, { ...kept, context })).layers;
  const onSsd = kvShapeOf(config, { ...kept, context, kvHomes: layers.map(() => 'ssd') });
  return chooseHomes(options.kv?.home ?? 'auto', planWith, {
    layers: layers.map(({ k, v }) => parallel * (partBytes(k) + partBytes(v))),
    passing: kvRingBytes(onSsd) + parallel * kvBytes(onSsd),
    share: kvShareOf(one.free),
  });
}

/** Plans a draft model beside another one's context and sequences. Throws what `planModel` throws. */
function planDraft(
  outline: ModelOutline,
  device: Device,
  layoutOf: LayoutOf,
  { kernels, parallel, ...kept }: Kept & { parallel: number; kernels: Kernels },
): Plan {
  const within = { ...draftKv(outline, kept), parallel, ahead: 0, promptCache: 0 };
  return makePlan({
    ...demandOf(outline, device, layoutOf, within),
    // Whatever it takes is taken off the budget of the other one.
    budget: Number.MAX_SAFE_INTEGER,
    runtime: 0,
    batch: kernels === 'plain' ? plainBatch : draftBatch,
    sliceBytes: draftSliceBytes,
  });
}

/** What a model asks for in a context, whatever the budget. */
function demandOf(
  outline: ModelOutline,
  device: Device,
  layoutOf: LayoutOf,
  wanted: Kept & { parallel: number; ahead: number; promptCache: number },
): Omit<Demand, 'budget' | 'runtime'> {
  const { context, parallel, ahead } = wanted;
  const measured = new Map<string, number>();
  return {
    ...wanted,
    ...kvDemandOf(outline, wanted),
    page: pageBytes,
    manifest: manifestIn(outline, context, wanted.window),
    converted: (slice) => layoutOf(slice)?.bytes,
    maxSlices,
    compute: (tokens, slices) => {
      const key = `${tokens} ${slices.length}`;
      // Wherever they live, keys and values are computed on in memory.
      const kv = kvShapeOf(outline.config, { ...wanted, batch: tokens, kvHomes: undefined });
      const model = { stages: outline.stages, weights: outline.file.weights, kv };
      const bytes =
        measured.get(key) ?? computeBytes(model, slices, tokens, { threads: device.threads, parallel, ahead });
      measured.set(key, bytes);
      return bytes;
    },
  };
}

/** What keys and values take. */
function kvDemandOf(
  { config }: ModelOutline,
  wanted: Kept & { parallel: number; ahead: number; promptCache: number },
): Pick<Demand, 'kv' | 'kvOnSsd' | 'kvHomes'> {
  const { parallel, promptCache, kvHomes } = wanted;
  const shape = (batch: number): KvShape => kvShapeOf(config, { ...wanted, batch });
  return {
    kvHomes,
    kv: (tokens) => parallel * kvBytes(shape(tokens)) + kvRingBytes(shape(tokens)) + promptCache,
    kvOnSsd: (tokens) => parallel * kvFileBytes(shape(tokens)),
  };
}

/** What a draft model keeps beside a model that keeps `kept`, as far as its heads and its context suit that. */
function draftKv<T extends Kept>({ config }: ModelOutline, kept: T): T {
  const { context, kvType, window } = kept;
  const tokens = window ? Math.min(window.tokens, config.context - window.sinks) : 0;
  const own = window && tokens > 0 ? { ...window, tokens } : undefined;
  return {
    ...kept,
    context: own ? context : Math.min(context, config.context),
    kvType: suits(config, kvType) ? kvType : 'f16',
    window: own,
  };
}

const weightBytes = ({ file }: ModelOutline): number =>
  [...file.weights.values()].reduce((sum, { extent }) => sum + extent.length, 0);

/** Throws BAD_OPTION, CONTEXT_BEYOND_MODEL. */
function checkContext({ context: trained }: Config, { context, kv: { window } = {} }: PlanOptions): void {
  if (window) {
    checkWhole('window', window.tokens, 1);
    checkWhole('sinks', window.sinks, 0);
    if (context !== undefined && context > mostTokens) {
      throw new EngineError('BAD_OPTION', {
        option: 'context',
        value: `${context}`,
        expected: `${mostTokens} at most`,
      });
    }
  }
  // A window slides over any text, as long as what it shows at once is no more than the model knows.
  const seen = window ? window.tokens + window.sinks : context;
  if (seen === undefined || seen <= trained) return;
  if (!window) throw new EngineError('CONTEXT_BEYOND_MODEL', { context: seen, trained });
  const expected = `no more, with the sinks, than the ${trained} tokens the model was trained for`;
  throw new EngineError('BAD_OPTION', { option: 'window', value: `${seen}`, expected });
}

/** Throws BAD_OPTION. */
function checkWhole(option: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new EngineError('BAD_OPTION', { option, value: `${value}`, expected: `a whole number from ${least} on` });
}

/** Bytes that libllama takes for the vocabulary, before it is loaded. Measured: 49k tokens 22 MB, 128k 56 MB. */
export const vocabularyBytes = ({ config }: ModelOutline): number => config.vocabulary * 450;
