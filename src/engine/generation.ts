import { EngineError } from '../base/errors.ts';
import type { Sampler } from '../sample/sampler.ts';
import type { LoadOptions } from '../stream/residents.ts';
import type { Detokenizer } from '../text/detokenizer.ts';
import type { StopMatcher } from '../text/stop.ts';
import type { Vocabulary } from '../text/vocabulary.ts';
import type { Runtime } from './runtime.ts';
import { type GenerationStats, Meter } from './stats.ts';

/** Why a generation ended: the model was done or a stop string came up, no more tokens were wanted, or it was aborted. */
export type StopReason = 'stop' | 'length' | 'cancelled';

/** Some text as it comes: whole characters, none of a stop string. */
export interface Piece {
  readonly text: string;
  /** The token that completed the text; undefined for what was held back until the end. */
  readonly token: number | undefined;
}

/** How far the prompt has been processed; a part of a batch counts as a part of its tokens. */
export interface PromptProgress {
  readonly tokens: number;
  readonly total: number;
  /** Weights read for it so far. */
  readonly bytes: number;
}

/** What one generation works with. */
export interface GenerationParts {
  readonly prompt: readonly number[];
  readonly vocabulary: Vocabulary;
  /** Makes the sampler, which the generation then owns. */
  readonly newSampler: () => Sampler;
  readonly detokenizer: Detokenizer;
  readonly stops: StopMatcher;
  readonly maxTokens: number;
  readonly ignoreEnd: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onLoad?: LoadOptions['onProgress'];
  readonly onPrompt?: ((progress: PromptProgress) => void) | undefined;
  /** The runtime, for this generation alone until it calls `release`. */
  acquire(): Promise<{ runtime: Runtime; release: () => void }>;
}

/** One answer, token by token. Iterate over it once. */
export class Generation implements AsyncIterable<Piece> {
  readonly tokens: number[] = [];
  readonly promptTokens: number;
  readonly #parts: GenerationParts;
  #begun = false;
  #stopReason: StopReason | undefined;
  #stats: GenerationStats | undefined;

  constructor(parts: GenerationParts) {
    this.#parts = parts;
    this.promptTokens = parts.prompt.length;
  }

  /** Undefined until the iteration has ended. */
  get stopReason(): StopReason | undefined {
    return this.#stopReason;
  }

  /** Undefined until the iteration has ended. */
  get stats(): GenerationStats | undefined {
    return this.#stats;
  }

  /** Rejects with CONTEXT_TOO_LONG, READ_FAILED, FILE_CHANGED, COMPUTE_FAILED; an abort ends it without an error. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Piece, void, void> {
    if (this.#begun) throw new Error('a generation can be iterated over once');
    this.#begun = true;
    const { detokenizer, stops, signal } = this.#parts;
    let acquired: Awaited<ReturnType<GenerationParts['acquire']>> | undefined;
    try {
      acquired = await this.#parts.acquire();
      using sampler = this.#parts.newSampler();
      yield* this.#decode(acquired.runtime, sampler);
    } catch (error) {
      if (!signal?.aborted) throw error;
      this.#stopReason = 'cancelled';
    } finally {
      acquired?.release();
    }
    const rest = stops.push(detokenizer.end()).text + stops.end();
    if (rest) yield { text: rest, token: undefined };
  }

  /** One loop for all passes: take what is pending through the model, and if that was all, choose what follows. */
  async *#decode(runtime: Runtime, sampler: Sampler): AsyncGenerator<Piece, void, void> {
    const { prompt, signal, maxTokens, onLoad } = this.#parts;
    const { plan, kv, reader } = runtime;
    const before = reader.bytesRead;
    if (prompt.length > plan.context) {
      throw new EngineError('CONTEXT_TOO_LONG', { prompt: prompt.length, context: plan.context });
    }
    await runtime.load({ tokens: Math.min(prompt.length, plan.batch), onProgress: onLoad, signal });
    const meter = new Meter(runtime);
    for (const token of prompt) sampler.accept(token);
    let pending: readonly number[] = prompt;
    let start = 0;
    try {
      while (this.#stopReason === undefined) {
        const tokens = pending.slice(0, plan.batch);
        pending = pending.slice(plan.batch);
        const inPrompt = start < prompt.length;
        const onStep = (share: number): void => {
          const done = start + share * tokens.length;
          this.#parts.onPrompt?.({ tokens: done, total: prompt.length, bytes: reader.bytesRead - before });
        };
        const span = { kv, start, tokens, logits: 'last' } as const;
        const logits = await runtime.run([span], { signal, onStep: inPrompt ? onStep : undefined });
        start += tokens.length;
        meter.passed(tokens.length, inPrompt);
        if (pending.length > 0) continue;

        if (maxTokens === 0) this.#stopReason = 'length';
        else {
          const token = sampler.sample(logits);
          sampler.accept(token);
          yield* this.#accept(token, start === plan.context);
          pending = [token];
        }
      }
    } finally {
      this.#stats = meter.stats();
    }
  }

  /** Takes a token up into the answer, unless it ends it. `full` if no further token has a place in the context. */
  *#accept(token: number, full: boolean): Generator<Piece, void, void> {
    const { vocabulary, detokenizer, stops, maxTokens, ignoreEnd } = this.#parts;
    if (!ignoreEnd && vocabulary.isEndOfGeneration(token)) {
      this.#stopReason = 'stop';
      return;
    }
    this.tokens.push(token);
    const { text, stopped } = stops.push(detokenizer.push(token));
    if (stopped) this.#stopReason = 'stop';
    else if (this.tokens.length >= maxTokens || full) this.#stopReason = 'length';
    if (text) yield { text, token };
  }
}
