import { EngineError } from '../base/errors.ts';
import type { KvSlot } from '../kv/slot.ts';
import type { Plan } from '../plan/plan.ts';
import type { Sampler } from '../sample/sampler.ts';
import type { LoadOptions } from '../stream/residents.ts';
import type { Detokenizer } from '../text/detokenizer.ts';
import type { StopMatcher } from '../text/stop.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import { type Logprob, logprobOf } from './logprobs.ts';
import type { Tokens } from './planner.ts';
import type { Runtime } from './runtime.ts';
import { type GenerationStats, Meter } from './stats.ts';

/** Why a generation ended: the model was done or a stop string came up, no more tokens were wanted, or it was aborted. */
export type StopReason = 'stop' | 'length' | 'cancelled';

/** Some text as it comes: whole characters, none of a stop string. */
export interface Piece {
  readonly text: string;
  /** The token that completed the text; undefined for what was held back until the end. */
  readonly token: number | undefined;
  /** If asked for: of `token`. */
  readonly logprob?: Logprob | undefined;
}

/** How far the prompt has been processed; a part of a batch counts as a part of its tokens. */
export interface PromptProgress {
  readonly tokens: number;
  readonly total: number;
  /** Weights read for it so far. */
  readonly bytes: number;
}

/** What one sequence works with. */
export interface SequenceParts {
  readonly prompt: readonly number[];
  readonly vocabulary: Vocabulary;
  /** Makes the sampler, which the sequence then owns. */
  readonly newSampler: () => Sampler;
  readonly detokenizer: Detokenizer;
  readonly stops: StopMatcher;
  readonly maxTokens: number;
  /** Tokens that prompt and answer may take together, if fewer than the context. */
  readonly longest: number;
  readonly ignoreEnd: boolean;
  /** Log-probabilities of this many likeliest tokens beside the chosen one; undefined for none at all. */
  readonly logprobs: number | undefined;
  /** Added to the logits of tokens. */
  readonly bias: ReadonlyMap<number, number>;
  /** To open the runtime under, if it is not open. */
  readonly plan?: Plan | undefined;
  readonly onLoad?: LoadOptions['onProgress'];
  readonly onPrompt?: ((progress: PromptProgress) => void) | undefined;
}

/** One answer that is being made, as the engine sees it: what it waits to have computed, and what came of it. */
export class Sequence {
  readonly parts: SequenceParts;
  /** The answer. */
  readonly answer: number[] = [];
  /** Tokens of the prompt whose keys and values were there already. */
  cached = 0;
  slot: KvSlot | undefined;
  stopReason: StopReason | undefined;
  stats: GenerationStats | undefined;
  readonly #pieces: Piece[] = [];
  #sampler: Sampler | undefined;
  #meter: Meter | undefined;
  /** What the prompt is processed up to; and the last token, which waits to be stored. */
  #stored = 0;
  #next: number | undefined;
  #bytesBefore = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  constructor(parts: SequenceParts) {
    this.parts = parts;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Tokens that are to be computed next, in order. */
  get pending(): readonly number[] {
    return this.#next === undefined ? this.parts.prompt.slice(this.#stored) : [this.#next];
  }

  /** The prompt is behind it. */
  get decoding(): boolean {
    return this.#next !== undefined;
  }

  /** What the context may suit, where it is chosen. */
  get tokens(): Tokens {
    return { prompt: this.parts.prompt.length, answer: this.parts.maxTokens };
  }

  /** Takes its place, in which `cached` tokens of the prompt are stored already. */
  begin(runtime: Runtime, slot: KvSlot, cached: number): void {
    this.slot = slot;
    this.cached = this.#stored = cached;
    this.#sampler = this.parts.newSampler();
    for (const token of this.parts.prompt) this.#sampler.accept(token);
    this.#meter = new Meter(runtime, cached);
    this.#bytesBefore = runtime.reader.bytesRead;
  }

  /** A part of the pass that computes `count` tokens is over. */
  progress(runtime: Runtime, count: number, share: number): void {
    if (this.decoding || this.#ended) return;
    const tokens = this.#stored + share * count;
    const bytes = runtime.reader.bytesRead - this.#bytesBefore;
    this.parts.onPrompt?.({ tokens, total: this.parts.prompt.length, bytes });
  }

  /** The next `count` pending tokens are stored; `logits` are those of the last. They may be changed. */
  advance(count: number, logits: Float32Array): void {
    const { prompt, maxTokens } = this.parts;
    if (!this.#sampler || this.#ended) return;
    const inPrompt = !this.decoding;
    this.#meter?.passed(count, inPrompt);
    if (inPrompt) {
      this.#stored += count;
      if (this.#stored < prompt.length) return;
    }
    if (maxTokens === 0) {
      this.end('length');
      return;
    }
    for (const [token, bias] of this.parts.bias) logits[token] = (logits[token] ?? 0) + bias;
    const token = this.#sampler.sample(logits);
    this.#sampler.accept(token);
    this.#next = token;
    this.#accept(token, logits);
  }

  /** Ends it: the last pieces are what was held back. */
  end(reason: StopReason): void {
    if (this.#ended) return;
    const { stops, detokenizer } = this.parts;
    this.stopReason = reason;
    const rest = stops.push(detokenizer.end()).text + stops.end();
    if (rest) this.#pieces.push({ text: rest, token: undefined });
    this.#close();
  }

  /** Ends it with an error, which whoever reads it gets. */
  fail(error: Error): void {
    if (this.#ended) return;
    this.#error = error;
    this.#close();
  }

  /** The next piece; undefined after the last. Rejects with the error that ended it, after the pieces before it. */
  async read(): Promise<Piece | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) return piece;
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Takes a token up into the answer, unless it ends it. */
  #accept(token: number, logits: Float32Array): void {
    const { vocabulary, detokenizer, stops, maxTokens, ignoreEnd, logprobs, longest, prompt } = this.parts;
    if (!ignoreEnd && vocabulary.isEndOfGeneration(token)) {
      this.end('stop');
      return;
    }
    const context = this.slot?.kv.shape.context ?? 0;
    const full = prompt.length + this.answer.length === Math.min(longest, context);
    this.answer.push(token);
    const { text, stopped } = stops.push(detokenizer.push(token));
    const logprob = logprobs === undefined ? undefined : logprobOf(logits, token, logprobs);
    if (text || logprob) {
      this.#pieces.push({ text, token, logprob });
      this.#wake();
    }
    if (stopped) this.end('stop');
    else if (this.answer.length >= maxTokens || full) this.end('length');
  }

  #close(): void {
    this.#ended = true;
    this.stats = this.#meter?.stats();
    this.#sampler?.[Symbol.dispose]();
    this.#sampler = undefined;
    this.#wake();
  }

  /** Throws CONTEXT_TOO_LONG if the prompt does not fit. */
  checkFits(context: number): void {
    const most = Math.min(context, this.parts.longest);
    const { length } = this.parts.prompt;
    if (length > most) throw new EngineError('CONTEXT_TOO_LONG', { prompt: length, context: most });
  }
}
