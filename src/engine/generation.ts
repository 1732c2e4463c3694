import type { Engine } from './engine.ts';
import type { GenerationStats } from './generation-stats.ts';
import type { Piece } from './piece-queue.ts';
import type { Sequence, StopReason } from './sequence.ts';

/**
 * One answer, piece by piece. Iterate over it once; leaving early ends it.
 *
 * @example
 * const answer = model.generate('Hello');
 * for await (const { text } of answer) process.stdout.write(text);
 * console.log(answer.stopReason, answer.stats?.decode.tokens_per_s);
 */
export class Generation implements AsyncIterable<Piece> {
  readonly #sequence: Sequence;
  readonly #engine: Engine;
  readonly #signal: AbortSignal | undefined;
  readonly #ready: Promise<void> | undefined;
  #begun = false;

  /** An answer that stands in line once `ready`, as the sequence needs it, is resolved. @internal */
  constructor(
    sequence: Sequence,
    engine: Engine,
    { signal, ready }: { readonly signal?: AbortSignal | undefined; readonly ready?: Promise<void> | undefined } = {},
  ) {
    this.#sequence = sequence;
    this.#engine = engine;
    this.#signal = signal;
    this.#ready = ready;
  }

  /** The answer so far: a copy. */
  get tokens(): readonly number[] {
    return this.#sequence.answer;
  }

  /** The number of the answer's tokens. */
  get answerTokens(): number {
    return this.#sequence.answerTokens;
  }

  /** A copy of the prompt's tokens. */
  get prompt(): readonly number[] {
    return this.#sequence.prompt;
  }

  /** The number of the prompt's tokens. */
  get promptTokens(): number {
    return this.#sequence.promptTokens;
  }

  /** Reason of the end; undefined until the iteration has ended. */
  get stopReason(): StopReason | undefined {
    return this.#sequence.stopReason;
  }

  /** The stop text that ended the answer, if one did. */
  get stopText(): string | undefined {
    return this.#sequence.parts.output.stopText;
  }

  /** The number of tokens that the model thought. */
  get thoughtTokens(): number {
    return this.#sequence.parts.output.thoughtTokens;
  }

  /** Statistics; undefined until the iteration has ended. */
  get stats(): GenerationStats | undefined {
    return this.#sequence.stats;
  }

  /**
   * Pieces of text. An abort ends the iteration without an error.
   *
   * @example for await (const { text } of model.generate('Hello')) process.stdout.write(text);
   * @throws {EngineError} CONTEXT_TOO_LONG, BUDGET_TOO_SMALL, OUT_OF_MEMORY, READ_FAILED, FILE_CHANGED, COMPUTE_FAILED,
   * NOT_FINITE, BAD_GRAMMAR, MODEL_CLOSED.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Piece, void, void> {
    if (this.#begun) throw new Error('a generation can be iterated over once');
    this.#begun = true;
    const cancel = (): void => {
      this.#sequence.end('cancelled');
      this.#engine.onCancelled();
    };
    if (this.#signal?.aborted) cancel();
    this.#signal?.addEventListener('abort', cancel);
    try {
      if (this.#ready) await this.#ready;
      this.#engine.submit(this.#sequence);
      for (let piece = await this.#sequence.read(); piece; piece = await this.#sequence.read()) yield piece;
    } finally {
      this.#signal?.removeEventListener('abort', cancel);
      if (!this.#sequence.ended) cancel();
    }
  }
}
