import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { unlessAborted } from '../base/promises.ts';
import { DrafterFactory } from '../engine/draft/drafter-factory.ts';
import { Engine, type RuntimeRequest } from '../engine/engine.ts';
import { type EngineState, type EngineTotals, idleState } from '../engine/engine-totals.ts';
import { Generation } from '../engine/generation.ts';
import { Sequence } from '../engine/sequence.ts';
import type { LayoutOf } from '../exec/bind-weights.ts';
import { Device } from '../ggml/device.ts';
import { checkAvailable } from '../ggml/system.ts';
import { isTooSmall } from '../plan/kv-homes.ts';
import { maxWindowedTokens } from '../plan/kv-options.ts';
import type { Plan } from '../plan/plan.ts';
import { budgetFor, threadsFor } from '../runtime/machine.ts';
import { checkKvType, evictFiles, type ModelOutline, manifestFor, openOutline } from '../runtime/model-outline.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import { layoutLookup, type PlanOptions, planModel, vocabularyBytes } from '../runtime/planner.ts';
import { runtimeBytes, usualRuntimeBytes } from '../runtime/process-memory.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Sampler } from '../sample/sampler.ts';
import { samplingOptions } from '../sample/sampling-options.ts';
import type { Message } from '../text/chat-template.ts';
import { checkTokenizer } from '../text/check-tokenizer.ts';
import { Detokenizer } from '../text/detokenizer.ts';
import { StopMatcher } from '../text/stop-matcher.ts';
import { Vocabulary } from '../text/vocabulary.ts';
import { checkLengths, checkTokens, isTokens } from './check-request.ts';
import type { GenerateOptions, LoadProgress, ModelOptions } from './model-options.ts';
import { openModelRuntime } from './open-runtime.ts';
import { PromptTokenizer } from './prompt-tokenizer.ts';

/** A task's plan for the runtime, and its signal. */
interface Exclusive {
  /** Plan to open the runtime under, if it is not open. */
  readonly plan?: Plan | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Length of compute threads' spinning for the next step before they sleep (0-100). Spinning takes cores from reading: an 8B
 * streamed at 0.85 of the reader's own rate at 50, and at 0.94-0.99 at 0 (two cores, alternating runs).
 */
const poll = 0;
/**
 * A model on the SSD. `open` reads its header and its vocabulary; the weights are loaded, as far as they stay resident,
 * by `load` or by the first `generate`.
 *
 * @example await using model = Model.open('model.gguf', { memoryBudget: 8 * 2 ** 30 });
 */
export class Model implements AsyncDisposable {
  readonly outline: ModelOutline;
  readonly vocabulary: Vocabulary;
  readonly prompts: PromptTokenizer;
  readonly device: Device;
  readonly #options: ModelOptions;
  readonly #budget: number;
  readonly #layoutOf: LayoutOf;
  readonly #runtimeBytes: number;
  readonly #usualRuntimeBytes: number;
  readonly #drafters: DrafterFactory;
  readonly #engine: Engine = new Engine((request) => this.#open(request));
  #closed = false;
  #disposed: Promise<void> | undefined;
  #runtime: Promise<Runtime> | undefined;
  #opened: Runtime | undefined;

  private constructor(outline: ModelOutline, options: ModelOptions) {
    this.outline = outline;
    this.#options = options;
    this.#budget = budgetFor(options.memoryBudget, options.warn);
    const { metadata } = outline.file;
    checkTokenizer(metadata);
    this.#drafters = DrafterFactory.open(options.draft ?? {}, outline);
    // Libllama takes up to twice as much while it loads the vocabulary.
    checkAvailable(2 * vocabularyBytes(outline), 'the vocabulary');
    this.vocabulary = Vocabulary.open(at(outline.file.files, 0).path);
    this.prompts = new PromptTokenizer(metadata, this.vocabulary);
    evictFiles(outline);
    this.device = new Device(threadsFor(options.threads, options.warn), poll);
    this.#layoutOf = layoutLookup(this.device, options.kernels ?? 'auto');
    this.#runtimeBytes = options.runtimeBytes ?? runtimeBytes();
    this.#usualRuntimeBytes = options.runtimeBytes ?? usualRuntimeBytes(vocabularyBytes(outline));
    options.debug?.('device', this.device.facts());
  }

  /**
   * Opens a GGUF file.
   *
   * @example const model = Model.open('model.gguf', { memoryBudget: 8 * 2 ** 30, context: 8192 });
   * @throws {EngineError} MODEL_NOT_FOUND, NOT_GGUF and the other errors of files, metadata and vocabularies; BAD_OPTION,
   * BUDGET_TOO_LARGE, KV_TYPE_UNSUITABLE, VOCABULARY_DIFFERS, OUT_OF_MEMORY.
   */
  static open(path: string, options: ModelOptions = {}): Model {
    const outline = openOutline(path, options.rope, options.debug);
    manifestFor(outline, outline.config.context);
    checkKvType(outline, options.kv?.type ?? 'f16');
    return new Model(outline, options);
  }

  /**
   * The plan of the budget with this context, or with a chosen one that suits the tokens at hand.
   *
   * @example const { context, shares } = model.plan();
   * @throws {EngineError} BUDGET_TOO_SMALL, which names the smallest budget that works; CONTEXT_BEYOND_MODEL, BAD_OPTION,
   * MODEL_CLOSED.
   */
  plan(context: number | undefined = this.#options.context, tokens?: TokenCounts): Plan {
    if (this.#closed) throw this.#closedError();
    const planBeside = (runtime: number): Plan =>
      planModel(this.outline, this.device, this.#layoutOf, { ...this.#planOptions(context, tokens), runtime });
    try {
      return planBeside(this.#runtimeBytes);
    } catch (error) {
      if (!isTooSmall(error)) throw error;
      // All processes that take no more than is usual name the same smallest budget.
      return planBeside(Math.max(this.#runtimeBytes, this.#usualRuntimeBytes));
    }
  }

  #planOptions(context: number | undefined, tokens: TokenCounts | undefined): Omit<PlanOptions, 'runtime'> {
    return {
      budget: this.#budget,
      context,
      tokens,
      kv: this.#options.kv,
      parallel: this.#options.parallel,
      ahead: this.#drafters.ahead,
      draft: this.#drafters.outline,
      promptCache: this.#options.promptCache?.bytes,
      kernels: this.#options.kernels ?? 'auto',
      residency: this.#options.residency,
    };
  }

  /**
   * Loads the residents of `plan`, once: later calls give the plan that is loaded. Without a call the first prompt
   * loads them: a short one on its way through the weights, a long one before. After an error it can be tried again.
   *
   * @example await model.load(model.plan(), { onProgress: (loaded, total) => console.log(loaded / total) });
   * @throws {EngineError} READ_FAILED, FILE_CHANGED, OUT_OF_MEMORY, MODEL_CLOSED; or the signal's reason.
   */
  load(plan?: Plan, progress: LoadProgress = {}): Promise<Plan> {
    const work = async (runtime: Runtime): Promise<Plan> => {
      await runtime.load(progress);
      await this.#drafters.load(progress.signal);
      return runtime.plan;
    };
    return this.exclusively(work, { plan, signal: progress.signal });
  }

  /**
   * Forgets texts that have ended, so that a prompt is computed anew: for measuring.
   *
   * @example await model.forget();
   * @throws {EngineError} those of `load`.
   */
  forget(): Promise<void> {
    return this.exclusively(async ({ caches }) => {
      caches.forget();
      this.#drafters.forget();
    });
  }

  /**
   * A prompt as tokens: messages through the model's template, a text as it is. `most` tokens are allowed; default: as
   * many as the context may have.
   *
   * @example const { length } = model.tokenize('Why is the sky blue?');
   * @throws {EngineError} CONTEXT_TOO_LONG, TEMPLATE_FAILED, MODEL_CLOSED.
   */
  tokenize(prompt: string | readonly Message[], most: number = this.mostTokens()): number[] {
    if (this.#closed) throw this.#closedError();
    return this.prompts.tokenize(prompt, most);
  }

  /**
   * The most tokens of a text, whatever is planned, where `context` were asked for or is left to be chosen.
   * @example const fits = model.tokenize('Hi').length <= model.mostTokens();
   */
  mostTokens(context: number | undefined = this.#options.context): number {
    return context ?? (this.#options.kv?.window ? maxWindowedTokens : this.outline.config.context);
  }

  /**
   * Messages through the model's template, up to the begin of the answer.
   *
   * @example const prompt = model.render([{ role: 'user', content: 'Hi' }]);
   * @throws {EngineError} TEMPLATE_FAILED, MODEL_CLOSED.
   */
  render(messages: readonly Message[]): string {
    if (this.#closed) throw this.#closedError();
    return this.prompts.render(messages, this.mostTokens());
  }

  /**
   * Totals since the model was opened, and the present state.
   * @example const { sums } = model.tally();
   */
  tally(): { readonly sums: EngineTotals; readonly state: EngineState } {
    const { sums, load } = this.#engine;
    const runtime = this.#opened;
    if (!runtime) return { sums, state: { ...idleState, ...load } };
    const { reader, stallSeconds, forward, plan } = runtime;
    return {
      sums: {
        ...sums,
        bytesRead: reader.bytesRead,
        readSeconds: reader.busySeconds,
        stallSeconds,
        computeSeconds: forward.computeSeconds,
      },
      state: { ...load, resident: plan.shares.resident, kv: plan.shares.kv },
    };
  }

  /**
   * Answers a prompt (text, messages, or tokens). Iterate over the result to get the text as it comes.
   *
   * @example for await (const { text } of model.generate('Hello', { maxTokens: 64 })) process.stdout.write(text);
   * @throws {EngineError} NO_PROMPT, BAD_OPTION, CONTEXT_TOO_LONG, TEMPLATE_FAILED, MODEL_CLOSED.
   */
  generate(prompt: string | readonly Message[] | readonly number[], options: GenerateOptions = {}): Generation {
    if (this.#closed) throw this.#closedError();
    const { vocabulary } = this;
    const size = this.outline.config.vocabulary;
    const { maxTokens = Number.POSITIVE_INFINITY, longest = Number.POSITIVE_INFINITY } = options;
    checkLengths({ maxTokens, longest });
    // Wrong options are refused here, not when the first token is asked for.
    const sampling = samplingOptions(options);
    const tokens = isTokens(prompt) ? prompt : this.tokenize(prompt);
    checkTokens(tokens, size);
    const sequence = new Sequence({
      prompt: tokens,
      vocabulary,
      newSampler: () => new Sampler(size, sampling, options.bias),
      newDrafter: (sampler) => this.#drafters.drafterOf(sampler),
      detokenizer: new Detokenizer(vocabulary),
      stops: new StopMatcher(options.stop ?? []),
      maxTokens,
      longest,
      ignoreEnd: options.ignoreEnd ?? false,
      logprobs: options.logprobs,
      plan: options.plan,
      onLoad: options.onLoad,
      onPrompt: options.onPrompt,
    });
    return new Generation(sequence, this.#engine, options.signal);
  }

  /** Ends all work, a pass at its next step, and frees everything. A generation that goes on is rejected. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close();
    return this.#disposed;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    const engine = this.#engine.close(this.#closedError());
    const runtime = await this.#runtime?.catch(() => undefined);
    runtime?.abort(this.#closedError());
    this.#drafters.abort(this.#closedError());
    await engine;
    await this.#drafters[Symbol.asyncDispose]();
    await runtime?.[Symbol.asyncDispose]();
    this.device[Symbol.dispose]();
    this.vocabulary[Symbol.dispose]();
  }

  /** The runtime, the same one each time until opening it fails. */
  #open({ plan, tokens }: RuntimeRequest): Promise<Runtime> {
    this.#runtime ??= this.#openUnder(plan ?? this.plan(this.#options.context, tokens)).catch((error) => {
      this.#runtime = undefined;
      throw error;
    });
    return this.#runtime;
  }

  async #openUnder(plan: Plan): Promise<Runtime> {
    const { outline, device } = this;
    const parts = { outline, device, layoutOf: this.#layoutOf, drafters: this.#drafters, options: this.#options };
    this.#opened = await openModelRuntime(parts, plan);
    return this.#opened;
  }

  /**
   * Does `work` with the runtime, which nothing else uses meanwhile.
   *
   * @example const plan = await model.exclusively((runtime) => Promise.resolve(runtime.plan));
   * @throws {EngineError} those of `plan` and `load`, or the signal's reason.
   */
  exclusively<T>(work: (runtime: Runtime) => Promise<T>, options: Exclusive = {}): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closedError());
    return unlessAborted(this.#engine.exclusively(work, options.plan), options.signal);
  }

  #closedError(): EngineError {
    return new EngineError('MODEL_CLOSED', { file: this.outline.path });
  }
}
