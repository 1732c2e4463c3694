import { EngineError } from '../base/errors.ts';
import type { Span } from '../exec/span.ts';
import type { LoadOptions } from '../pager/residents.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Sampler } from '../sample/sampler.ts';
import type { DraftToken } from '../sample/token-rng.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import { type ReadonlyTokens, TokenList } from '../text/token-list.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { AnswerOutput } from './answer-output.ts';
import type { AcceptanceRate } from './draft/draft-length.ts';
import type { Drafter } from './draft/drafter.ts';
import { GenerationMeter, type GenerationStats } from './generation-stats.ts';
import { drawnLogprob, type Logprob, logprobOf } from './logprobs.ts';
import type { Member } from './member.ts';
import type { Piece } from './piece-queue.ts';

/**
 * Reason of a generation's end: the model was done or a stop string came up, it wants the results of tools, no more
 * tokens were wanted, or it was aborted.
 *
 * @example const complete = answer.stopReason === 'stop';
 */
export type StopReason = 'stop' | 'toolCalls' | 'length' | 'cancelled';

/**
 * Progress through the prompt; a part of a batch counts as a part of its tokens.
 *
 * @example model.generate('Hello', { onPrompt: ({ tokens, total }) => console.log(tokens / total) });
 */
export interface PromptProgress {
  readonly tokens: number;
  readonly total: number;
  /** Tokens whose keys and values were there already; they count among `tokens`. */
  readonly cached: number;
  /** Weight bytes read for the prompt so far. */
  readonly bytes: number;
}

/** The parts that one sequence works with. */
export interface SequenceParts {
  readonly prompt: readonly number[];
  readonly vocabulary: Vocabulary;
  /** Makes the sampler, and the drafter, which the sequence then owns. */
  readonly newSampler: () => Sampler;
  readonly newDrafter: (sampler: Sampler) => Drafter;
  readonly output: AnswerOutput;
  readonly maxTokens: number;
  /** Tokens that prompt and answer may take together, if fewer than the context. */
  readonly longest: number;
  readonly ignoreEnd: boolean;
  /** Scales of LoRA adapters; default: those of the model. */
  readonly scales?: readonly number[] | undefined;
  /** Log-probabilities of this many likeliest tokens beside the chosen one; undefined for none at all. */
  readonly logprobs: number | undefined;
  /** Whether these are those that the token was drawn by. */
  readonly afterSampling?: boolean | undefined;
  readonly onLoad?: LoadOptions['onProgress'];
  readonly onPrompt?: ((progress: PromptProgress) => void) | undefined;
}

/** One answer that is being made, as the engine sees it: the tokens that it waits for, and the results. */
export class Sequence implements Member {
  readonly output = 'logits';
  /** Tokens of the prompt, and of the answer so far. */
  readonly promptTokens: number;
  answerTokens = 0;
  readonly parts: Omit<SequenceParts, 'prompt'>;
  /** Tokens of the prompt whose keys and values were there already. */
  cached = 0;
  cache: SequenceCache | undefined;
  stopReason: StopReason | undefined;
  stats: GenerationStats | undefined;
  /** Prompt and answer, and the token that ended it. */
  readonly #text: TokenList;
  #sampler: Sampler | undefined;
  #drafter: Drafter | undefined;
  #meter: GenerationMeter | undefined;
  /** Draft tokens to follow the last one, and the acceptance of their kind. */
  #drafts: readonly DraftToken[] = [];
  #acceptance: AcceptanceRate | undefined;
  #bytesBefore = 0;
  /** Tokens of a pass that takes an answer on, beside drafts. */
  #mostBehind = 1;
  #ended = false;
  #error: Error | undefined;

  constructor({ prompt, ...parts }: SequenceParts) {
    this.#text = TokenList.from(prompt);
    this.promptTokens = prompt.length;
    this.parts = parts;
  }

  /** The prompt until it begins, then the answer as well. */
  get text(): ReadonlyTokens {
    return this.#text;
  }

  /** A copy. */
  get prompt(): readonly number[] {
    return this.#text.slice(0, this.promptTokens);
  }

  /** A copy. */
  get answer(): readonly number[] {
    return this.#text.slice(this.promptTokens, this.promptTokens + this.answerTokens);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The error that ended it, if one did. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Tokens of the text that are not stored: the prompt at first, then the last one and those that its cache lost. */
  get behind(): number {
    return this.#text.length - this.#stored;
  }

  /** The number of draft tokens behind the text. */
  get draftTokens(): number {
    return this.#drafts.length;
  }

  /** The number of tokens to be computed next. */
  get pending(): number {
    return this.behind + this.draftTokens;
  }

  /** The first `count` of the pending tokens, in order. */
  upcoming(count: number): readonly number[] {
    const text = this.#text.slice(this.#stored, this.#stored + count);
    return [...text, ...this.#drafts.map(({ token }) => token)].slice(0, count);
  }

  /**
   * True once the prompt is processed. A text of which more is lost than drafts take is computed again as a prompt is: its
   * logits are wanted behind the last token only.
   */
  get decoding(): boolean {
    return this.#text.length > this.promptTokens && this.behind <= this.#mostBehind;
  }

  get wanted(): Span['logits'] {
    return this.decoding ? 'all' : 'last';
  }

  /** Tokens that a chosen context should suit. */
  get tokens(): TokenCounts {
    return { prompt: this.promptTokens, answer: this.parts.maxTokens };
  }

  /** Enters `cache`, in which `cached` tokens of the prompt are stored already. */
  begin(runtime: Runtime, cache: SequenceCache, cached: number): void {
    this.cache = cache;
    this.cached = cached;
    this.#mostBehind = 1 + runtime.limits.ahead;
    this.#sampler = this.parts.newSampler();
    this.#drafter = this.parts.newDrafter(this.#sampler);
    for (const token of this.#text) this.#drafter.accept(token);
    this.#meter = new GenerationMeter(runtime, cached);
    this.#bytesBefore = runtime.reader.bytesRead;
  }

  /** Reports progress: `share` of the pass that computes `count` tokens is over. */
  progress(runtime: Runtime, count: number, share: number): void {
    if (this.#text.length > this.promptTokens || this.#ended) return;
    const tokens = this.#stored + share * count;
    const bytes = runtime.reader.bytesRead - this.#bytesBefore;
    try {
      this.parts.onPrompt?.({ tokens, total: this.promptTokens, cached: this.cached, bytes });
    } catch (error) {
      // An error that left this method would end the pass, which is also that of others.
      this.fail(error as Error);
    }
  }

  /** The acceptance of draft tokens, and the seconds of each. */
  get outlook(): { readonly acceptance: number; readonly cost: number } {
    return { acceptance: this.#drafter?.acceptance.rate ?? 0, cost: this.#drafter?.cost ?? 0 };
  }

  /** Drafts at most `most` tokens, as far as they could be part of the answer. Rejects with the errors of the drafter. */
  async draft(most: number): Promise<void> {
    const { maxTokens } = this.parts;
    // The pass yields one token more than are drafted, and the last token of the context need not be stored.
    const room = Math.min(maxTokens - 1, this.#longest - this.promptTokens) - this.answerTokens;
    const count = Math.max(0, Math.floor(Math.min(most, room)));
    this.#acceptance = this.#drafter?.acceptance;
    const drafts = (await this.#drafter?.propose(count)) ?? [];
    this.#drafts = drafts.slice(0, count);
  }

  /**
   * Takes the results of the `count` pending tokens from position `start` on. `logitsAfter` gives the logits after a
   * token: after any of a sequence that decodes, else only after the last. Returns how many of the tokens belong to the
   * text: draft tokens after a rejected one do not, nor do those after the end. The logits may be changed.
   */
  advance(start: number, count: number, logitsAfter: (index: number) => Float32Array): number {
    const known = Math.min(count, this.#text.length - start);
    if (!this.#sampler || this.#ended) return known;
    if (!this.decoding) {
      this.#meter?.record(count, true);
      if (start + count < this.#text.length) return count;
      if (this.parts.maxTokens === 0) this.end('length');
      else this.#sample(this.#sampler, logitsAfter(count - 1));
      return count;
    }
    const [sampler, drafts] = [this.#sampler, this.#drafts];
    const isAccepted = (i: number): boolean =>
      this.#sample(sampler, logitsAfter(known - 1 + i), drafts[i]) && this.#text.at(-1) === drafts[i]?.token;
    let accepted = 0;
    while (isAccepted(accepted)) accepted += 1;
    this.#drafts = [];
    this.#acceptance?.record(drafts.length, accepted);
    this.#meter?.record(1 + accepted, false, { drafted: drafts.length, accepted });
    if (this.#ended) this.stats = this.#meter?.stats();
    return known + accepted;
  }

  end(reason: StopReason): void {
    if (this.#ended) return;
    const { output } = this.parts;
    // A stop text cuts off a call, too.
    output.end(reason === 'stop' && output.stopText === undefined);
    this.stopReason = reason === 'stop' && output.calls ? 'toolCalls' : reason;
    this.#close();
  }

  /** Ends it with an error, which its reader gets. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#error = error;
    this.#close();
  }

  read(): Promise<Piece | undefined> {
    return this.parts.output.read();
  }

  /** Chooses the next token, to which `draft` is the draft. False if the answer has ended. */
  #sample(sampler: Sampler, logits: Float32Array, drafted?: DraftToken): boolean {
    const forced = this.parts.output.takeForced();
    if (forced !== undefined) sampler.accept(forced);
    const token = forced ?? sampler.sample(logits, this.#text, drafted);
    this.#text.push(token);
    this.#drafter?.accept(token);
    this.#emit(token, logits, sampler);
    // Where a grammar allows the end alone, no pass is spent on it.
    if (!this.#ended && !this.parts.ignoreEnd && sampler.isOver) this.end('stop');
    return !this.#ended;
  }

  /** The most tokens of the text: those of the cache's context, or fewer. */
  get #longest(): number {
    if (!this.cache) throw new Error('a sequence without a cache is part of no pass');
    return Math.min(this.parts.longest, this.cache.state.context);
  }

  /** Adds a token to the answer, unless it ends it. */
  #emit(token: number, logits: Float32Array, { distribution }: Sampler): void {
    const { vocabulary, output, maxTokens, ignoreEnd, logprobs, afterSampling } = this.parts;
    if (!ignoreEnd && vocabulary.isEndOfGeneration(token)) {
      this.end('stop');
      return;
    }
    const full = this.promptTokens + this.answerTokens >= this.#longest;
    this.answerTokens += 1;
    const probability = (count: number): Logprob =>
      afterSampling ? drawnLogprob(distribution, token, count) : logprobOf(logits, token, count);
    if (output.push(token, logprobs === undefined ? undefined : probability(logprobs))) this.end('stop');
    else if (this.answerTokens >= maxTokens || full) this.end('length');
  }

  /** Tokens in its cache. */
  get #stored(): number {
    return this.cache?.tokens.length ?? this.cached;
  }

  #close(): void {
    this.#ended = true;
    this.stats = this.#meter?.stats();
    this.#drafter?.[Symbol.dispose]();
    this.#sampler?.[Symbol.dispose]();
    this.#drafter = this.#sampler = undefined;
    this.parts.output.close(this.#error);
  }

  /** Throws CONTEXT_TOO_LONG if the prompt does not fit. */
  checkFits(context: number): void {
    const most = Math.min(context, this.parts.longest);
    const prompt = this.promptTokens;
    if (prompt > most) throw new EngineError('CONTEXT_TOO_LONG', { prompt, context: most });
  }
}
