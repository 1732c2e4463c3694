import { availableParallelism } from 'node:os';
import { EngineError } from '../base/errors.ts';
import { Device } from '../ggml/device.ts';
import type { Plan } from '../plan/plan.ts';
import type { Residency } from '../plan/residency.ts';
import type { LayoutOf } from '../run/routes.ts';
import { type SamplingOptions, samplingOptions } from '../sample/options.ts';
import { Sampler } from '../sample/sampler.ts';
import type { ReadAt, Reading } from '../stream/reader.ts';
import { ChatTemplate, type Message } from '../text/chat-template.ts';
import { checkTokenizer } from '../text/check.ts';
import { Detokenizer } from '../text/detokenizer.ts';
import { StopMatcher } from '../text/stop.ts';
import { Vocabulary } from '../text/vocabulary.ts';
import { Generation, type PromptProgress } from './generation.ts';
import { evictFiles, type ModelOutline, manifestIn, openOutline } from './outline.ts';
import { type Kernels, layoutsOf, planModel, type Tokens } from './planner.ts';
import { defaultBudget, runtimeBytes } from './process.ts';
import { Runtime } from './runtime.ts';

export interface ModelOptions {
  /** Bytes that the whole process may take. Left out: most of what is free. */
  readonly memoryBudget?: number | undefined;
  /** Tokens of prompt and answer together. Left out, it is chosen when the weights are loaded. */
  readonly context?: number | undefined;
  /** Threads that share each operation. Left out: one per core. */
  readonly threads?: number | undefined;
  /** `auto` uses the fastest kernels of this machine, `plain` those whose results are the same at every budget. */
  readonly kernels?: Kernels | undefined;
  /** Threads of libuv's pool (UV_THREADPOOL_SIZE when the process began). One computes, the others read. */
  readonly ioThreads?: number | undefined;
  /** How to read from the model's device, if that was measured. */
  readonly reading?: Reading | undefined;
  /** For comparing: another way to choose what stays resident. */
  readonly residency?: Residency | undefined;
  /** For tests: what reads. */
  readonly readAt?: ReadAt | undefined;
}

export interface GenerateOptions extends Partial<SamplingOptions> {
  /** Tokens of the answer; left out, as many as the context holds. */
  readonly maxTokens?: number | undefined;
  /** Goes on after tokens that end a text, up to `maxTokens`: for measuring. */
  readonly ignoreEnd?: boolean | undefined;
  /** Texts that end the answer; they are not part of it. */
  readonly stop?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What the budget is spent on, if no weights are loaded yet; left out, it is chosen. */
  readonly plan?: Plan | undefined;
  /** Called if residents are loaded before the prompt: see `Model.load`. */
  readonly onLoad?: LoadProgress['onProgress'];
  /** Called as the prompt is processed. */
  readonly onPrompt?: ((progress: PromptProgress) => void) | undefined;
}

export interface LoadProgress {
  /** Called with the bytes of resident weights loaded, and all of them. */
  readonly onProgress?: ((loaded: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What somebody wants the runtime for. */
interface Acquisition {
  /** To open the runtime under, if it is not open; left out, one that suits `tokens`. */
  readonly plan?: Plan | undefined;
  readonly tokens?: Tokens | undefined;
  readonly signal?: AbortSignal | undefined;
}

const templateKey = 'tokenizer.chat_template';
/** libuv's threads if nobody asked for more. */
const defaultIoThreads = 4;
/**
 * How long compute threads spin for the next step before they sleep (0-100). Spinning takes cores from reading: an 8B
 * streamed at 0.85 of the reader's own rate at 50, and at 0.94-0.99 at 0 (two cores, alternating runs).
 */
const poll = 0;
/**
 * A model on the SSD. `open` reads its header and its vocabulary; the weights are loaded, as far as they stay resident,
 * by `load` or by the first `generate`.
 */
export class Model implements AsyncDisposable {
  readonly outline: ModelOutline;
  readonly vocabulary: Vocabulary;
  readonly device: Device;
  readonly #options: ModelOptions;
  readonly #budget: number;
  readonly #layoutOf: LayoutOf;
  readonly #runtimeBytes: number;
  readonly #closing: AbortController = new AbortController();
  #closed = false;
  #disposed: Promise<void> | undefined;
  #runtime: Promise<Runtime> | undefined;
  /** The end of the queue of generations: each has the runtime to itself. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(outline: ModelOutline, options: ModelOptions) {
    this.outline = outline;
    this.#options = options;
    this.#budget = options.memoryBudget ?? defaultBudget();
    const { metadata } = outline.file;
    checkTokenizer(metadata);
    this.vocabulary = Vocabulary.open(outline.file.files[0]?.path ?? outline.path);
    evictFiles(outline);
    this.device = new Device(options.threads ?? availableParallelism(), poll);
    this.#layoutOf = layoutsOf(this.device, options.kernels ?? 'auto');
    this.#runtimeBytes = runtimeBytes();
  }

  /** True if the model brings a chat template: messages can be made into a prompt. */
  get hasTemplate(): boolean {
    return this.outline.file.metadata.has(templateKey);
  }

  /** Throws whatever is wrong with the file, its metadata or its vocabulary. */
  static open(path: string, options: ModelOptions = {}): Model {
    const outline = openOutline(path);
    manifestIn(outline, outline.config.context);
    return new Model(outline, options);
  }

  /** What the budget would be spent on with this context, or a chosen one that suits the tokens at hand. */
  plan(context: number | undefined = this.#options.context, tokens?: Tokens): Plan {
    if (this.#closed) throw this.#closedError();
    return planModel(this.outline, this.device, this.#layoutOf, {
      budget: this.#budget,
      runtime: this.#runtimeBytes,
      context,
      tokens,
      kernels: this.#options.kernels ?? 'auto',
      residency: this.#options.residency,
    });
  }

  /**
   * Loads what `plan` keeps resident, once: later calls give the plan that is loaded. Without it the first prompt does:
   * a short one on its way through the weights, a long one before. Rejects with the errors of reading, or the signal's
   * reason; then it can be tried again.
   */
  load(plan?: Plan, progress: LoadProgress = {}): Promise<Plan> {
    const work = async (runtime: Runtime): Promise<Plan> => {
      await runtime.load(progress);
      return runtime.plan;
    };
    return this.exclusively(work, { plan, signal: progress.signal });
  }

  /** A prompt as tokens: messages through the model's template, a text as it is. Throws TEMPLATE_FAILED. */
  tokenize(prompt: string | readonly Message[]): number[] {
    if (this.#closed) throw this.#closedError();
    const { vocabulary } = this;
    if (typeof prompt === 'string') return vocabulary.tokenize(prompt, { addSpecial: true, parseSpecial: true });
    const source = this.outline.file.metadata.string(templateKey, undefined);
    if (source === undefined) throw new EngineError('TEMPLATE_FAILED', { reason: 'the model has none' });
    const special = this.#specialTexts();
    const text = new ChatTemplate(source, special).render(prompt, { addGenerationPrompt: true });
    // A template that writes the beginning-of-text token itself must not get a second one.
    const { bos } = special;
    const addSpecial = bos === '' || !text.startsWith(bos);
    return vocabulary.tokenize(text, { addSpecial, parseSpecial: true });
  }

  /** Answers a prompt (text, messages, or tokens). Iterate over the result to get the text as it comes. */
  generate(prompt: string | readonly Message[] | readonly number[], options: GenerateOptions = {}): Generation {
    if (this.#closed) throw this.#closedError();
    const { vocabulary } = this;
    const { maxTokens = Number.POSITIVE_INFINITY, signal } = options;
    if (!(maxTokens >= 0)) {
      throw new EngineError('BAD_OPTION', {
        option: 'maxTokens',
        value: `${maxTokens}`,
        expected: 'a number from 0 on',
      });
    }
    // Wrong options are refused here, not when the first token is asked for.
    const sampling = samplingOptions(options);
    const tokens = isTokens(prompt) ? prompt : this.tokenize(prompt);
    if (tokens.length === 0) throw new EngineError('NO_PROMPT', {});
    const wrong = tokens.find(
      (token) => !Number.isInteger(token) || token < 0 || token >= this.outline.config.vocabulary,
    );
    if (wrong !== undefined) {
      throw new EngineError('BAD_OPTION', {
        option: 'prompt',
        value: `${wrong}`,
        expected: `tokens below ${this.outline.config.vocabulary}`,
      });
    }
    return new Generation({
      prompt: tokens,
      vocabulary,
      newSampler: () => new Sampler(this.outline.config.vocabulary, sampling),
      detokenizer: new Detokenizer(vocabulary),
      stops: new StopMatcher(options.stop ?? []),
      maxTokens,
      ignoreEnd: options.ignoreEnd ?? false,
      signal,
      onLoad: options.onLoad,
      onPrompt: options.onPrompt,
      acquire: () =>
        this.#acquire({ plan: options.plan, tokens: { prompt: tokens.length, answer: maxTokens }, signal }),
    });
  }

  /** Ends what is under way, a pass at its next step, and frees everything. A generation that goes on is rejected. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposed ??= this.#close();
    return this.#disposed;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#closing.abort(this.#closedError());
    const runtime = await this.#runtime?.catch(() => undefined);
    await runtime?.close(this.#closedError());
    this.device[Symbol.dispose]();
    this.vocabulary[Symbol.dispose]();
  }

  async #open(plan: Plan): Promise<Runtime> {
    const { device } = this;
    const { ioThreads = defaultIoThreads, reading: measured, readAt } = this.#options;
    const most = Math.max(1, ioThreads - 1);
    const reading = { ...measured, inFlight: Math.min(most, measured?.inFlight ?? most), ...(readAt && { readAt }) };
    try {
      return await Runtime.open(this.outline, plan, { device, layoutOf: this.#layoutOf, reading });
    } catch (error) {
      this.#runtime = undefined;
      throw error;
    }
  }

  /** Does `work` with the runtime, which nothing else uses meanwhile. Rejects with the errors of opening. */
  async exclusively<T>(work: (runtime: Runtime) => Promise<T>, options: Acquisition = {}): Promise<T> {
    const { runtime, release } = await this.#acquire(options);
    try {
      return await work(runtime);
    } finally {
      release();
    }
  }

  /** Waits for the generations that came before. */
  async #acquire({ plan, tokens, signal }: Acquisition): Promise<{ runtime: Runtime; release: () => void }> {
    if (this.#closed) throw this.#closedError();
    const before = this.#turn;
    let release = (): void => {};
    this.#turn = new Promise((resolve) => {
      release = resolve;
    });
    try {
      await unlessAborted(before, this.#anyAbort(signal));
      this.#runtime ??= this.#open(plan ?? this.plan(this.#options.context, tokens));
      return { runtime: await this.#runtime, release };
    } catch (error) {
      // Whoever is next still waits for those before.
      void before.then(release);
      throw error;
    }
  }

  /** Aborted with the given signal, or when the model is closed. */
  #anyAbort(signal: AbortSignal | undefined): AbortSignal {
    const closing = this.#closing.signal;
    return signal ? AbortSignal.any([signal, closing]) : closing;
  }

  #closedError(): EngineError {
    return new EngineError('MODEL_CLOSED', { file: this.outline.path });
  }

  #specialTexts(): { bos: string; eos: string } {
    const { vocabulary } = this;
    const text = (token: number | undefined): string =>
      token === undefined ? '' : new TextDecoder().decode(vocabulary.piece(token, { special: true }));
    return { bos: text(vocabulary.bos), eos: text(vocabulary.eos) };
  }
}

/** Waits for `promise`, or rejects with the signal's reason once that is aborted. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort = (): void => {};
  const aborted = new Promise<void>((_, reject) => {
    abort = () => reject(signal.reason);
  });
  signal.addEventListener('abort', abort);
  await Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', abort));
}

const isTokens = (prompt: string | readonly Message[] | readonly number[]): prompt is readonly number[] =>
  typeof prompt !== 'string' && typeof prompt[0] !== 'object';
