import { EngineError } from '../base/errors.ts';
import type { Span } from '../exec/span.ts';
import type { LoadOptions } from '../pager/residents.ts';
import type { TokenCounts } from '../runtime/plan-choices.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SequenceCache } from '../state/sequence-cache.ts';
import { type ReadonlyTokens, TokenList } from '../text/token-list.ts';
import type { Member, ResultAfter } from './member.ts';

/** The way in which the embeddings of a text's tokens become one: their mean, or that of the first or the last token. */
export type Pooling = 'mean' | 'first' | 'last';

/** The parts that an embedded text works with. */
export interface EmbeddedTextParts {
  readonly tokens: readonly number[];
  readonly pooling: Pooling;
  /** Scales of LoRA adapters; default: those of the model. */
  readonly scales?: readonly number[] | undefined;
  readonly onLoad?: LoadOptions['onProgress'];
  /** Hears of tokens that have been computed; a part of a pass counts as a part of its tokens. */
  readonly onTokens?: ((tokens: number) => void) | undefined;
}

/** One text that is being embedded, as the engine sees it. */
export class EmbeddedText implements Member {
  readonly output = 'embeddings';
  readonly wanted: Span['logits'];
  readonly promptTokens: number;
  readonly answerTokens = 0;
  readonly decoding = false;
  readonly draftTokens = 0;
  /** None: a mean needs all tokens, and batches shall give the same as single texts. */
  readonly text: ReadonlyTokens = new TokenList();
  readonly parts: EmbeddedTextParts;
  /** The embedding (width): the text has ended. */
  readonly embedding: Promise<Float32Array>;
  cache: SequenceCache | undefined;
  error: Error | undefined;
  ended = false;
  /** Sums of the embeddings so far, or the one that is kept. */
  #pooled: Float64Array | undefined;
  #settle: { resolve(embedding: Float32Array): void; reject(error: Error): void } | undefined;

  constructor(parts: EmbeddedTextParts) {
    this.parts = parts;
    this.promptTokens = parts.tokens.length;
    this.wanted = parts.pooling === 'last' ? 'last' : 'all';
    this.embedding = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    // Its reader may wait for another text of several, whose error is the same.
    this.embedding.catch(() => {});
  }

  get tokens(): TokenCounts {
    return { prompt: this.promptTokens, answer: 0 };
  }

  get pending(): number {
    return this.promptTokens - this.#stored;
  }

  checkFits(context: number): void {
    const prompt = this.promptTokens;
    if (prompt > context) throw new EngineError('CONTEXT_TOO_LONG', { prompt, context });
  }

  begin(_runtime: Runtime, cache: SequenceCache): void {
    this.cache = cache;
  }

  upcoming(count: number): readonly number[] {
    return this.parts.tokens.slice(this.#stored, this.#stored + count);
  }

  progress(_runtime: Runtime, count: number, share: number): void {
    if (this.ended) return;
    try {
      this.parts.onTokens?.(this.#stored + share * count);
    } catch (error) {
      // An error that left this method would end the pass, which is also that of others.
      this.fail(error as Error);
    }
  }

  advance(start: number, count: number, resultAfter: ResultAfter): number {
    if (this.ended) return count;
    const isLast = start + count === this.promptTokens;
    switch (this.parts.pooling) {
      case 'mean':
        for (let i = 0; i < count; i += 1) this.#add(resultAfter(i));
        break;
      case 'first':
        if (start === 0) this.#add(resultAfter(0));
        break;
      case 'last':
        if (isLast) this.#add(resultAfter(count - 1));
        break;
      default:
        this.parts.pooling satisfies never;
    }
    if (isLast) this.#end();
    return count;
  }

  fail(error: Error): void {
    if (this.ended) return;
    this.error = error;
    this.ended = true;
    this.#settle?.reject(error);
  }

  #add(embedding: Float32Array): void {
    const pooled = this.#pooled ?? new Float64Array(embedding.length);
    for (const [i, x] of embedding.entries()) pooled[i] = (pooled[i] as number) + x;
    this.#pooled = pooled;
  }

  #end(): void {
    const { pooling } = this.parts;
    const divisor = pooling === 'mean' ? this.promptTokens : 1;
    this.ended = true;
    this.#settle?.resolve(Float32Array.from(this.#pooled ?? [], (x) => x / divisor));
  }

  get #stored(): number {
    return this.cache?.tokens.length ?? 0;
  }
}
