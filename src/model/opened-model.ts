import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { DrafterFactory } from '../engine/draft/drafter-factory.ts';
import type { LoneTime } from '../engine/lone-tokens.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import type { Device } from '../ggml/device.ts';
import { checkAvailable } from '../ggml/system.ts';
import { addCurves, type HitRate, hitsOf } from '../plan/hit-curve.ts';
import { isTooSmall } from '../plan/kv-homes.ts';
import type { KvType } from '../plan/kv-options.ts';
import type { ReadCosts } from '../plan/machine-speeds.ts';
import { expectToken, type MeasuredModel } from '../plan/measured-model.ts';
import type { Plan } from '../plan/plan.ts';
import { budgetFor } from '../runtime/machine.ts';
import { knownModel, type MeasuredParts, rememberRun } from '../runtime/measure-model.ts';
import { checkModelCan, evictFiles, type ModelOutline, openOutline } from '../runtime/model-outline.ts';
import { budgetOn, openDevice } from '../runtime/open-device.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import { type Kernels, layoutLookup, type PlanOptions, planModel, vocabularyBytes } from '../runtime/planner.ts';
import { limitGarbage, runtimeBytes, usualRuntimeBytes } from '../runtime/process-memory.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { DryStages } from '../sample/dry-stages.ts';
import { checkTokenizer, tokenizerDoubt } from '../text/check-tokenizer.ts';
import { Vocabulary } from '../text/vocabulary.ts';
import type { ModelOptions } from './model-options.ts';
import { openModelRuntime } from './open-runtime.ts';
import { contextOf, withAdapters } from './preset.ts';

/** Options to plan with instead of the present ones; those left out are as they are. */
export interface PlanChanges {
  /** Bytes of the budget. */
  readonly budget?: number | undefined;
  /** Bytes of a device's own memory. */
  readonly gpuMemory?: number | undefined;
  readonly kvType?: KvType | undefined;
  /** Tokens; null: chosen. */
  readonly context?: number | null | undefined;
  readonly parallel?: number | undefined;
  /** False: without drafts. */
  readonly draft?: boolean | undefined;
}

/** A model's file on this machine, under a budget: its vocabulary, its plans, and its runtime once one is wanted. */
export class OpenedModel {
  readonly outline: ModelOutline;
  readonly vocabulary: Vocabulary;
  /** Stages of sampling that need the vocabulary. */
  readonly dry: DryStages;
  readonly device: Device;
  readonly drafters: DrafterFactory;
  /** Tokens of the context unless another one is asked for; undefined: chosen. */
  readonly context: number | undefined;
  readonly #options: ModelOptions;
  readonly #kernels: Kernels;
  readonly #budget: number;
  readonly #layoutOf: LayoutOf;
  readonly #runtimeBytes: number;
  readonly #usualRuntimeBytes: number;
  #closed = false;
  #opening: Promise<Runtime> | undefined;
  #runtime: Runtime | undefined;

  /** Reads the header and the vocabulary. Throws the errors of both, of a draft model, and BUDGET_TOO_LARGE. */
  constructor(path: string, options: ModelOptions) {
    limitGarbage();
    this.outline = openOutline(path, withAdapters(options), options.debug);
    this.outline.graphs.manifest(this.outline.config.context);
    checkModelCan(this.outline, options);
    this.context = contextOf(options, this.outline.config.context);
    this.#options = options;
    this.#kernels = options.kernels ?? 'auto';
    const budget = budgetFor(options.memoryBudget, options.warn);
    checkTokenizer(this.outline.file.metadata);
    this.drafters = DrafterFactory.open(options.draft ?? {}, this.outline, options.trialFolder);
    const vocabulary = vocabularyBytes(this.outline);
    // Libllama takes up to twice as much while it loads the vocabulary.
    checkAvailable(2 * vocabulary, 'the vocabulary');
    this.vocabulary = Vocabulary.open(at(this.outline.file.files, 0).path);
    this.dry = new DryStages(this.vocabulary.pointer, this.outline.config.context);
    const doubt = tokenizerDoubt(this.outline.file.metadata) ?? this.vocabulary.doubt;
    if (doubt !== undefined) options.warn?.(new Error(doubt));
    evictFiles(this.outline);
    const draft = this.drafters.outline;
    this.device = openDevice(draft ? [this.outline, draft] : [this.outline], options);
    this.#budget = budgetOn(this.device, budget, options.warn);
    this.#layoutOf = layoutLookup(this.device, this.#kernels);
    this.#runtimeBytes = options.runtimeBytes ?? runtimeBytes() + this.device.driverGrowth;
    this.#usualRuntimeBytes =
      options.runtimeBytes ?? usualRuntimeBytes(vocabulary + this.outline.graphs.loadedBytes + this.device.driverBytes);
    options.debug?.('device', this.device.facts());
  }

  /** Throws MODEL_CLOSED once it is closed. */
  checkOpen(): void {
    if (this.#closed) throw this.closedError();
  }

  /** The plan of the budget with this context, or with a chosen one that suits the tokens at hand. */
  plan(context: number | undefined = this.context, tokens?: TokenCounts): Plan {
    return this.#plan({ context, tokens });
  }

  /** The plan with other options, for the same process. Throws the errors of `plan`, and KV_TYPE_UNSUITABLE. */
  planWith({ budget, gpuMemory, kvType: type, context = this.context, parallel, draft = true }: PlanChanges): Plan {
    const { kv } = this.#options;
    return this.#plan({
      context: context ?? undefined,
      ...(budget !== undefined && { budget }),
      ...(gpuMemory !== undefined && { gpuMemory }),
      ...(type !== undefined && { kv: { ...kv, type } }),
      ...(parallel !== undefined && { parallel }),
      ...(!draft && { ahead: 0, draft: undefined }),
    });
  }

  #plan(given: Partial<PlanOptions>): Plan {
    this.checkOpen();
    const { kv, parallel, promptCache, expertCache, residency, gpuMemory } = this.#options;
    const { ahead, outline: draft } = this.drafters;
    const options = {
      budget: this.#budget,
      kv,
      parallel,
      ahead,
      draft,
      promptCache: promptCache?.bytes,
      expertCache,
      kernels: this.#kernels,
      residency,
      gpuMemory,
      ...given,
    };
    const planBeside = (runtime: number): Plan =>
      planModel(this.outline, this.device, this.#layoutOf, { ...options, runtime });
    try {
      return planBeside(this.#runtimeBytes);
    } catch (error) {
      if (!isTooSmall(error)) throw error;
      // All processes that take no more than is usual name the same smallest budget.
      return planBeside(Math.max(this.#runtimeBytes, this.#usualRuntimeBytes));
    }
  }

  /** The runtime, if it is open. */
  get runtime(): Runtime | undefined {
    return this.#runtime;
  }

  /**
   * The runtime, the same one each time until opening it fails. It is opened under `plan`, by default one with a context
   * that suits `tokens`. Rejects with the errors of planning and of
   * `Runtime.open`, and MODEL_CLOSED.
   */
  async open(plan?: Plan, tokens?: TokenCounts): Promise<Runtime> {
    this.checkOpen();
    this.#opening ??= this.#openUnder(plan ?? this.plan(undefined, tokens)).catch((error) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openUnder(plan: Plan): Promise<Runtime> {
    const { outline, device, drafters } = this;
    const parts = { outline, device, layoutOf: this.#layoutOf, drafters, options: this.#options };
    const runtime = await openModelRuntime(parts, plan);
    this.#runtime = runtime;
    // The threads of a GPU only choose tokens.
    const known = device.kind === 'cpu' ? this.measuredModel : undefined;
    const manifest = outline.graphs.manifest(plan.context, plan.window);
    if (known && expectToken(known, plan, manifest).half) runtime.forward.firstThreads = Math.ceil(device.threads / 2);
    return runtime;
  }

  get #measured(): MeasuredParts {
    const { outline, device } = this;
    const { reading, kv, measuredFolder: folder, warn } = this.#options;
    const [layoutOf, kernels, read] = [this.#layoutOf, this.#kernels, reading?.bytesPerSecond];
    return { outline, device, layoutOf, kernels, kv, read, reads: reading?.costs, reading, folder, warn };
  }

  /** The error for uses of a closed model. */
  closedError(): EngineError {
    return new EngineError('MODEL_CLOSED', { file: this.outline.path });
  }

  /** Refuses everything from now on, and ends passes under way, those of a runtime that is being opened too. */
  async abort(): Promise<void> {
    this.#closed = true;
    const runtime = await this.#opening?.catch(() => undefined);
    runtime?.abort(this.closedError());
    this.drafters.abort(this.closedError());
  }

  /** The findings about the model in earlier runs, if there are some. */
  get measuredModel(): MeasuredModel | undefined {
    return knownModel(this.#measured);
  }

  /** The best rate of its storage in bytes a second; undefined until that was measured. */
  get readRate(): number | undefined {
    return this.#options.reading?.bytesPerSecond;
  }

  /** Costs of reads of its storage beside their bytes; undefined until these were measured. */
  get readCosts(): ReadCosts | undefined {
    return this.#options.reading?.costs;
  }

  /** The share of experts that the model finds in so many slots, as earlier runs have shown. */
  get hitRate(): HitRate {
    return hitsOf(this.measuredModel?.hits ?? []);
  }

  /** Frees everything, and remembers what `lone` tokens have shown. */
  async close({ tokens, seconds, waited, disturbed }: LoneTime): Promise<void> {
    const { warn } = this.#options;
    const runtime = this.#runtime;
    const hits = addCurves(runtime?.pager.hitCurves ?? []);
    await this.drafters[Symbol.asyncDispose]();
    await runtime?.[Symbol.asyncDispose]();
    // The memory that kernels are measured in is the runtime's.
    if (runtime && tokens > 0 && this.#options.measuredFolder !== undefined) {
      const run = { tokens, seconds, waited, hits, disturbed };
      await rememberRun(this.#measured, runtime.plan, run).catch((error: Error) => warn?.(error));
    }
    this.device[Symbol.dispose]();
    this.dry[Symbol.dispose]();
    this.vocabulary[Symbol.dispose]();
    this.outline.graphs[Symbol.dispose]();
  }
}
