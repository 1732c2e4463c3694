import { EngineError } from '../base/errors.ts';
import type { EngineReport } from './protocol.ts';

/** The most reports and log-probabilities, of a third of a kilobyte each, that wait for a client to read them. */
const mostUnread = 2 ** 15;

const weightOf = (report: EngineReport): number =>
  report.kind === 'delta' ? report.logprobs.reduce((sum, { top }) => sum + 1 + top.length, 1) : 1;

/** An engine's reports about one request, on their way to a client who may be slow. */
export class ReportQueue {
  readonly #reports: EngineReport[] = [];
  readonly #onOverflow: () => void;
  #unread = 0;
  #failure: Error | undefined;
  #wake: () => void = () => {};

  /** Queue that calls `onOverflow` once when too many reports wait; its reader fails with ANSWER_UNREAD then. */
  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  receive(report: EngineReport): void {
    if (this.#failure) return;
    this.#reports.push(report);
    this.#unread += weightOf(report);
    if (this.#unread > mostUnread) {
      this.#reports.length = 0;
      this.#failure = new EngineError('ANSWER_UNREAD', {});
      this.#onOverflow();
    }
    this.#wake();
  }

  /** No more reports come: the engine is gone. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** The next report. Rejects with the error of `fail` after the last, and with ANSWER_UNREAD. */
  async next(): Promise<EngineReport> {
    for (;;) {
      const report = this.#reports.shift();
      if (report) {
        this.#unread -= weightOf(report);
        return report;
      }
      if (this.#failure) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
