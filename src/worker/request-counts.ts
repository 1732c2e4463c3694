import { EngineError } from '../base/errors.ts';
import type { Outcome } from './engine-answer.ts';

/** Requests that are answered or wait, and the outcomes of those that have ended. */
export class RequestCounts {
  readonly outcomes: Map<Outcome, number> = new Map();
  /** The number of requests that have not ended. */
  pending = 0;

  /** Takes a place beside those pending, at most `parallel` and `maxQueue`, until the result is called. Throws SERVER_BUSY. */
  enter(parallel: number, maxQueue: number): (outcome: Outcome) => void {
    if (this.pending >= parallel + maxQueue) {
      this.#count('busy');
      throw new EngineError('SERVER_BUSY', { waiting: this.pending - parallel });
    }
    this.pending += 1;
    return (outcome) => {
      this.pending -= 1;
      this.#count(outcome);
    };
  }

  #count(outcome: Outcome): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }
}
