import { EngineError } from '../base/errors.ts';
import { unlessAborted } from '../base/promises.ts';
import { checkTextLimits } from '../base/text-limits.ts';
import { plainFormat } from '../chat/answer-reader.ts';
import type { ChatPrompt } from '../chat/message.ts';
import { AnswerOutput } from '../engine/answer-output.ts';
import { Engine } from '../engine/engine.ts';
import { Generation } from '../engine/generation.ts';
import { Sequence } from '../engine/sequence.ts';
import type { Device } from '../ggml/device.ts';
import type { HitRate } from '../plan/hit-curve.ts';
import { maxWindowedTokens } from '../plan/kv-options.ts';
import type { Plan } from '../plan/plan.ts';
import { scalesOf } from '../runtime/lora-adapters.ts';
import type { ModelOutline } from '../runtime/model-outline.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { recommendedSampling } from '../sample/recommended-sampling.ts';
import { Sampler } from '../sample/sampler.ts';
import { mergedSampling, type PartialSamplingOptions, samplingOptions } from '../sample/sampling-options.ts';
import type { SavedText } from '../state/saved-text.ts';
import { stopLimits } from '../text/stop-matcher.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { type AnyPrompt, checkLengths, checkTokens, isPrepared, isTokens } from './check-request.ts';
import { type Embeddings, type EmbedOptions, embedTexts } from './embedding.ts';
import { Grammars } from './grammars.ts';
import type { GenerateOptions, LoadProgress, ModelOptions } from './model-options.ts';
import { OpenedModel } from './opened-model.ts';
import { presetSampling, withDefaults } from './preset.ts';
import { type PreparedPrompt, PromptTokenizer } from './prompt-tokenizer.ts';
import { type Ranking, type RankOptions, rankTexts } from './ranking.ts';
import { restoreSession, saveSession } from './session-files.ts';
import { type Tally, tallyOf } from './tally.ts';

/**
 * A model on the SSD. `open` reads its header and its vocabulary; the weights are loaded, as far as they stay resident,
 * by `load` or by the first `generate`.
 *
 * @example await using model = Model.open('model.gguf', { memoryBudget: 8 * 2 ** 30 });
 */
export class Model implements AsyncDisposable {
  /** @internal */
  readonly outline: ModelOutline;
  /** @internal */
  readonly vocabulary: Vocabulary;
  /** @internal */
  readonly prompts: PromptTokenizer;
  /** @internal */
  readonly device: Device;
  /** Its parts, for those who watch it. @internal */
  readonly inner: { readonly opened: OpenedModel; readonly engine: Engine };
  readonly #options: ModelOptions;
  readonly #opened: OpenedModel;
  readonly #engine: Engine;
  /** Sampling that comes with the model: requests have it where they say nothing. @internal */
  readonly recommended: PartialSamplingOptions;
  readonly #grammars: Grammars;
  #closed: Promise<void> | undefined;

  private constructor(opened: OpenedModel, options: ModelOptions) {
    this.outline = opened.outline;
    this.vocabulary = opened.vocabulary;
    this.device = opened.device;
    const { metadata } = opened.outline.file;
    this.prompts = new PromptTokenizer(metadata, opened.vocabulary, options);
    this.#grammars = new Grammars(opened.vocabulary, options.warn);
    this.#options = options;
    this.#opened = opened;
    this.recommended = mergedSampling(recommendedSampling(metadata), presetSampling(options.preset));
    this.#engine = new Engine((tokens) => opened.open(undefined, tokens));
    this.inner = { opened, engine: this.#engine };
  }

  /**
   * Opens a GGUF file.
   *
   * @example const model = Model.open('model.gguf', { memoryBudget: 8 * 2 ** 30, context: 8192 });
   * @throws {EngineError} MODEL_NOT_FOUND, NOT_GGUF and the other errors of files, metadata and vocabularies; BAD_OPTION,
   * BUDGET_TOO_LARGE, KV_TYPE_UNSUITABLE, VOCABULARY_DIFFERS, OUT_OF_MEMORY.
   */
  static open(path: string, options: ModelOptions = {}): Model {
    return new Model(new OpenedModel(path, options), options);
  }

  /**
   * The plan of the budget with this context, or with a chosen one that suits the tokens at hand.
   *
   * @example const { context, shares } = model.plan();
   * @throws {EngineError} BUDGET_TOO_SMALL, which names the smallest budget that works; CONTEXT_BEYOND_MODEL, BAD_OPTION,
   * MODEL_CLOSED.
   */
  plan(context?: number, tokens?: TokenCounts): Plan {
    return this.#opened.plan(context, tokens);
  }

  /** The share of the experts of a token that are found in so many slots: as earlier runs have shown, or as usual. @internal */
  get hitRate(): HitRate {
    return this.#opened.hitRate;
  }

  /**
   * Opens the runtime under `plan`, by default a chosen one, if it is not open. Returns it: its plan says what holds.
   *
   * @example const { plan } = await model.start(model.plan(8192));
   * @throws {EngineError} those of `plan`, OUT_OF_MEMORY, KV_SPACE.
   * @internal
   */
  start(plan?: Plan): Promise<Runtime> {
    return this.#opened.open(plan);
  }

  /**
   * Loads the residents of `plan`, once: later calls give the plan that is loaded. Without a call the first prompt
   * loads them: a short one on its way through the weights, a long one before. After an error it can be tried again.
   *
   * @example await model.load(model.plan(), { onProgress: (loaded, total) => console.log(loaded / total) });
   * @throws {EngineError} READ_FAILED, FILE_CHANGED, OUT_OF_MEMORY, MODEL_CLOSED; or the signal's reason.
   */
  async load(plan?: Plan, progress: LoadProgress = {}): Promise<Plan> {
    await unlessAborted(this.start(plan), progress.signal);
    const work = async (runtime: Runtime): Promise<Plan> => {
      await runtime.load(progress);
      await this.#opened.drafters.load(progress.signal);
      return runtime.plan;
    };
    return unlessAborted(this.#engine.alone(work), progress.signal);
  }

  /**
   * Forgets texts that have ended, so that a prompt is computed anew: for measuring.
   *
   * @example await model.forget();
   * @throws {EngineError} those of `load`.
   */
  forget(): Promise<void> {
    return this.#engine.alone(async (runtime) => {
      runtime.caches.forget();
      this.#opened.drafters.forget();
    });
  }

  /** Puts a session's text where the next prompt finds it. False if it was computed in another way, or is damaged. @internal */
  restoreSession(session: SavedText): Promise<boolean> {
    return this.#engine.alone((runtime) => restoreSession(runtime, session, this.outline.config.vocabulary));
  }

  /** Saves the text that was computed last, and `about`, in place of the file's content. Rejects with WRITE_FAILED. @internal */
  saveSession(path: string, about: unknown): Promise<void> {
    return this.#engine.alone((runtime) => saveSession(runtime, path, about));
  }

  /** Measures the runtime, which nothing else uses meanwhile. Rejects as `start` and `work` do. @internal */
  measure<T>(work: (runtime: Runtime) => Promise<T>): Promise<T> {
    return this.#engine.alone(work);
  }

  /**
   * A prompt as tokens: a conversation through the model's template, a text as it is. `most` tokens are allowed; default: as
   * many as the context may have.
   *
   * @example const { length } = model.tokenize('Why is the sky blue?');
   * @throws {EngineError} CONTEXT_TOO_LONG, TEMPLATE_FAILED, MODEL_CLOSED.
   */
  tokenize(prompt: string | ChatPrompt, most: number = this.mostTokens()): number[] {
    return [...this.prepare(prompt, most).tokens];
  }

  /**
   * A prompt as `tokenize` makes it, with the form in which the model answers it.
   * @example const generation = model.generate(model.prepare(messages, 4096));
   * @throws {EngineError} CONTEXT_TOO_LONG, TEMPLATE_FAILED, MODEL_CLOSED.
   */
  prepare(prompt: string | ChatPrompt, most: number = this.mostTokens()): PreparedPrompt {
    this.#opened.checkOpen();
    return this.prompts.prepare(prompt, most);
  }

  /**
   * The most tokens of a text, whatever is planned, where `context` were asked for or is left to be chosen.
   * @example const fits = model.tokenize('Hi').length <= model.mostTokens();
   */
  mostTokens(context: number | undefined = this.#opened.context): number {
    return context ?? (this.#options.kv?.window ? maxWindowedTokens : this.outline.config.context);
  }

  /**
   * A conversation through the model's template, up to the begin of the answer.
   * @example const prompt = model.render([{ role: 'user', content: 'Hi' }]);
   * @throws {EngineError} TEMPLATE_FAILED, MODEL_CLOSED.
   */
  render(prompt: ChatPrompt): string {
    this.#opened.checkOpen();
    return this.prompts.render(prompt, this.mostTokens()).text;
  }

  /** Totals since the model was opened, and the present state. @internal */
  tally(): Tally {
    return tallyOf(this.#engine, this.#opened.runtime);
  }

  /**
   * Answers a prompt: a text, messages or a whole conversation, tokens, or one that was prepared. Iterate over the result to get
   * the text as it comes.
   *
   * @example for await (const { text } of model.generate('Hello', { maxTokens: 64 })) process.stdout.write(text);
   * @throws {EngineError} NO_PROMPT, BAD_OPTION, BAD_GRAMMAR, CONTEXT_TOO_LONG, TEMPLATE_FAILED, MODEL_CLOSED.
   */
  generate(prompt: AnyPrompt, asked: GenerateOptions = {}): Generation {
    this.#opened.checkOpen();
    const { vocabulary, outline } = this;
    if (outline.graphs.wholeTexts) throw new EngineError('NOT_FOR_ANSWERS', { file: outline.path });
    const options = withDefaults(this.#options, asked);
    const [size, unlimited] = [outline.config.vocabulary, Number.POSITIVE_INFINITY];
    const { maxTokens = unlimited, longest = unlimited, thinkBudget = unlimited, bias } = options;
    checkLengths({ maxTokens, longest, thinkBudget });
    checkTextLimits('stop', options.stop ?? [], stopLimits);
    // Wrong options are refused here, not when the first token is asked for.
    const sampling = samplingOptions(mergedSampling(this.recommended, options));
    const { tokens, answer } = this.#prepared(prompt);
    checkTokens(tokens, size);
    const { source, ready, ...place } = this.#grammars.prepareFor(answer, options.grammar);
    const { dry } = this.#opened;
    const sequence = new Sequence({
      prompt: tokens,
      vocabulary,
      newSampler: () => {
        const lease = this.#grammars.lease(source);
        try {
          return new Sampler(size, sampling, { bias, dry, ...place, grammar: lease?.grammar, lease });
        } catch (error) {
          lease?.[Symbol.dispose]();
          throw error;
        }
      },
      newDrafter: (sampler) => this.#opened.drafters.drafterOf(sampler),
      output: AnswerOutput.open(vocabulary, answer, { thinkBudget, stop: options.stop ?? [] }),
      maxTokens,
      longest,
      scales: scalesOf(options.loras, outline.graphs.scales),
      ignoreEnd: options.ignoreEnd ?? false,
      logprobs: options.logprobs,
      afterSampling: options.afterSampling,
      onLoad: options.onLoad,
      onPrompt: options.onPrompt,
    });
    return new Generation(sequence, this.#engine, { signal: options.signal, ready });
  }

  #prepared(prompt: AnyPrompt): PreparedPrompt {
    if (isTokens(prompt)) return { tokens: prompt, answer: plainFormat };
    return isPrepared(prompt) ? prompt : this.prepare(prompt);
  }

  /**
   * The embeddings of texts, each a text or its tokens, computed together as far as there is room for them. The model's file
   * says how those of a text's tokens become one; without that it is the last token's.
   *
   * @example const { vectors } = await model.embed(['a plum', 'a pear'], { truncate: true });
   * @throws {EngineError} EMPTY_INPUT for a text without tokens, BAD_OPTION, CONTEXT_TOO_LONG, BUDGET_TOO_SMALL, OUT_OF_MEMORY,
   * READ_FAILED, FILE_CHANGED, COMPUTE_FAILED, NOT_FINITE, MODEL_CLOSED; or the signal's reason.
   */
  async embed(texts: readonly (string | readonly number[])[], options: EmbedOptions = {}): Promise<Embeddings> {
    this.#opened.checkOpen();
    return embedTexts({ ...this.inner, most: this.mostTokens() }, texts, options);
  }

  /**
   * Scores of texts by how well they answer a query, by a model that was made for that.
   *
   * @example const { scores } = await model.rank('a red fruit', ['plums', 'the sea']);
   * @throws {EngineError} NOT_FOR_RANKING, UNSUPPORTED_MODEL, MISSING_TENSOR and WRONG_SHAPE for a head, and those of `embed`.
   */
  rank(query: string, texts: readonly (string | readonly number[])[], options: RankOptions = {}): Promise<Ranking> {
    this.#opened.checkOpen();
    return rankTexts({ ...this.inner, most: this.mostTokens() }, query, texts, options);
  }

  /**
   * Ends all work, a pass at its next step, and frees everything. A generation that goes on is rejected.
   *
   * @example await model.close();
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Closes the model at the end of `await using`, which Node parses from 24 on. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#grammars[Symbol.dispose]();
    const aborted = this.#opened.abort();
    const ended = this.#engine.close(this.#opened.closedError());
    await Promise.all([aborted, ended]);
    await this.#opened.close(this.#engine.loneTokens.time);
  }
}
