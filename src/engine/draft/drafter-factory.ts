import { EngineError } from '../../base/errors.ts';
import type { Plan } from '../../plan/plan.ts';
import { evictFiles, type ModelOutline, openOutline } from '../../runtime/model-outline.ts';
import { Runtime, type RuntimeOptions } from '../../runtime/runtime.ts';
import type { Sampler } from '../../sample/sampler.ts';
import { checkTokenizer } from '../../text/check-tokenizer.ts';
import { checkSameTokens } from '../../text/same-tokens.ts';
import { DraftEngine } from './draft-engine.ts';
import { aheadOf, type Drafter, type DraftOptions, noDrafter } from './drafter.ts';
import { ModelDrafter } from './model-drafter.ts';
import { NgramDrafter } from './ngram-drafter.ts';
import { NgramOrModelDrafter } from './ngram-or-model-drafter.ts';

/** The shortest repetition, in tokens, that is preferred to a draft model, which is often right. */
const sureMatch = 6;

/** The drafters of a model's sequences, and the draft model if there is one. */
export class DrafterFactory implements AsyncDisposable {
  /** The most draft tokens in a pass; 0 if none are wanted. */
  readonly ahead: number;
  /** Drafts no further than pays. */
  readonly adaptive: boolean;
  /** The draft model's outline. */
  readonly outline: ModelOutline | undefined;
  readonly #ngram: boolean;
  #engine: DraftEngine | undefined;

  private constructor(options: DraftOptions, outline: ModelOutline | undefined) {
    this.ahead = aheadOf(options);
    this.adaptive = options.adaptive ?? true;
    this.#ngram = options.ngram ?? false;
    this.outline = outline;
  }

  /**
   * Opens the draft model's file for a target model. Throws VOCABULARY_DIFFERS, and the errors of a file and its
   * metadata.
   */
  static open(options: DraftOptions, target: ModelOutline, trialFolder?: string): DrafterFactory {
    if (options.model === undefined) return new DrafterFactory(options, undefined);
    const outline = openOutline(options.model, { trialFolder });
    if (outline.graphs.wholeTexts) throw new EngineError('NOT_FOR_ANSWERS', { file: options.model });
    outline.graphs.manifest(outline.config.context);
    checkTokenizer(outline.file.metadata);
    checkSameTokens(outline.file.metadata, target.file.metadata);
    evictFiles(outline);
    return new DrafterFactory(options, outline);
  }

  /** Opens the draft model, if there is one, under its plan. Rejects with UNREADABLE, OUT_OF_MEMORY. */
  async start(plan: Plan | undefined, options: RuntimeOptions): Promise<void> {
    if (!this.outline || !plan) return;
    const { debug } = options;
    const runtime = await Runtime.open(this.outline, plan, {
      ...options,
      debug: debug && ((event, facts) => debug(`draft model: ${event}`, facts)),
    });
    this.#engine = new DraftEngine(runtime, this.outline.config.vocabulary);
  }

  /** Loads the draft model, if there is one; else the first draft does. Rejects with READ_FAILED, FILE_CHANGED. */
  async load(signal?: AbortSignal): Promise<void> {
    await this.#engine?.load(signal);
  }

  /** Forgets texts that have ended in the draft model's caches. */
  forget(): void {
    this.#engine?.forget();
  }

  /** A drafter for one text, whose tokens `sampler` samples. */
  drafterOf(sampler: Sampler): Drafter {
    if (!this.#engine) return this.#ngram ? new NgramDrafter() : noDrafter();
    const model = new ModelDrafter(this.#engine, (logits, text) => sampler.draft(logits, text));
    return this.#ngram ? new NgramOrModelDrafter(new NgramDrafter(sureMatch), model) : model;
  }

  /** Ends drafting with `reason`. */
  abort(reason: EngineError): void {
    this.#engine?.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine?.[Symbol.asyncDispose]();
    this.outline?.graphs[Symbol.dispose]();
  }
}
