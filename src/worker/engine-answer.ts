import type { Answer, Delta, Ending } from './backend.ts';
import type { ProcessAnswer } from './engine-requests.ts';
import type { EngineEnding } from './protocol.ts';

/** Outcomes of answers, for the statistics. */
export type Outcome = 'stop' | 'length' | 'cancelled' | 'failed' | 'refused' | 'busy';

export interface AnswerParts {
  readonly answer: ProcessAnswer;
  readonly signal: AbortSignal;
  /** Seconds until the engine was there. */
  readonly loadSeconds: number;
  /** The time of the request, by `performance.now()`. */
  readonly began: number;
  /** Called once, however the answer ends. */
  readonly onEnd: (outcome: Outcome) => void;
}

/** An answer of an engine process, for one reader. */
export class EngineAnswer implements Answer {
  readonly promptTokens: number;
  readonly warnings: readonly string[];
  ending: Ending | undefined;
  readonly #parts: AnswerParts;
  #over = false;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
    this.promptTokens = parts.answer.promptTokens;
    this.warnings = parts.answer.warnings;
    // An answer that nobody reads ends when its client leaves.
    const { signal } = parts;
    if (signal.aborted) this.#end('cancelled');
    else signal.addEventListener('abort', () => this.#end('cancelled'), { once: true });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Delta, void, void> {
    const { deltas } = this.#parts.answer;
    let outcome: Outcome = 'cancelled';
    try {
      for (let next = await deltas.next(); ; next = await deltas.next()) {
        if (!next.done) yield next.value;
        else {
          if (!next.value) this.#parts.signal.throwIfAborted();
          else outcome = this.#finish(next.value);
          return;
        }
      }
    } catch (error) {
      if (!this.#parts.signal.aborted) outcome = 'failed';
      throw error;
    } finally {
      await deltas.return(undefined);
      this.#end(outcome);
    }
  }

  #finish(ending: EngineEnding): Outcome {
    const { loadSeconds, began } = this.#parts;
    this.ending = { ...ending, loadSeconds, totalSeconds: (performance.now() - began) / 1000 };
    return ending.reason === 'length' ? 'length' : 'stop';
  }

  #end(outcome: Outcome): void {
    if (this.#over) return;
    this.#over = true;
    this.#parts.onEnd(outcome);
  }
}
