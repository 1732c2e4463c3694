import { EngineError } from '../base/errors.ts';
import { deserializeError } from '../base/serialized-error.ts';
import type { Delta, GenerationRequest } from './backend.ts';
import type { EngineCall, EngineEnding, EngineOrder, EngineReport, EngineResults } from './protocol.ts';
import { ReportQueue } from './report-queue.ts';

/** Reports about one request, by its number. */
export type RequestReport = Extract<EngineReport, { readonly id: number }>;

/** An answer, as the engine gives it. */
export interface ProcessAnswer {
  readonly promptTokens: number;
  readonly warnings: readonly string[];
  /** Parts of the answer. Rejects with the EngineError that ended it. Returns `undefined` if it was cancelled. */
  readonly deltas: AsyncGenerator<Delta, EngineEnding | undefined, void>;
}

/** The server's side of the protocol: numbered requests to an engine, and the reports about each. */
export class EngineRequests {
  readonly #model: string;
  readonly #send: (order: EngineOrder) => boolean;
  readonly #queues: Map<number, ReportQueue> = new Map();
  #ids = 0;

  /** Requests for `model` by its name. `send` returns false where the engine cannot be reached any more. */
  constructor(model: string, send: (order: EngineOrder) => boolean) {
    this.#model = model;
    this.#send = send;
  }

  /** Resolves when the engine has found the request valid. Rejects with the reason if it has not, or ENGINE_DIED. */
  async generate(request: GenerationRequest, signal: AbortSignal): Promise<ProcessAnswer> {
    signal.throwIfAborted();
    const { id, reports } = this.#open();
    const cancel = (): void => void this.#send({ kind: 'cancel', id });
    signal.addEventListener('abort', cancel);
    const leave = (): void => {
      signal.removeEventListener('abort', cancel);
      this.#queues.delete(id);
    };
    try {
      // Not in a closure, which would hold the prompt for as long as the answer takes.
      this.#order({ kind: 'generate', id, request });
      const first = await next(reports);
      if (first.kind !== 'accepted') throw new Error(`the engine said ${first.kind} first`);
      const deltas = async function* (): AsyncGenerator<Delta, EngineEnding | undefined, void> {
        let over = false;
        try {
          for (;;) {
            const report = await reports.next();
            over = isLast(report);
            if (report.kind === 'failure') throw deserializeError(report.failure);
            if (report.kind === 'ended') return report.ending;
            if (report.kind === 'delta') yield deltaOf(report);
            if (report.kind === 'progress') yield { text: '', logprobs: [], progress: report.progress };
          }
        } finally {
          if (!over) cancel();
          leave();
        }
      };
      return { promptTokens: first.promptTokens, warnings: first.warnings ?? [], deltas: deltas() };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The result of a call, which `signal` cancels. Rejects with the call's error, or ENGINE_DIED. */
  async call<N extends EngineCall['name']>(
    call: Extract<EngineCall, { name: N }>,
    signal?: AbortSignal,
  ): Promise<EngineResults[N]> {
    signal?.throwIfAborted();
    const { id, reports } = this.#open();
    const cancel = (): void => void this.#send({ kind: 'cancel', id });
    signal?.addEventListener('abort', cancel);
    try {
      this.#order({ kind: 'call', id, call });
      const report = await next(reports);
      if (report.kind !== 'result') throw new Error(`the engine said ${report.kind} to a call`);
      return report.value as EngineResults[N];
    } finally {
      signal?.removeEventListener('abort', cancel);
      this.#queues.delete(id);
    }
  }

  receive(report: RequestReport): void {
    const { id } = report;
    this.#queues.get(id)?.receive(report);
    if (isLast(report)) this.#queues.delete(id);
  }

  /** Fails all requests: the engine has ended for this reason. */
  fail(reason: string): void {
    for (const id of [...this.#queues.keys()]) this.#fail(id, reason);
  }

  #open(): { readonly id: number; readonly reports: ReportQueue } {
    this.#ids += 1;
    const id = this.#ids;
    const reports = new ReportQueue(() => this.#send({ kind: 'cancel', id }));
    this.#queues.set(id, reports);
    return { id, reports };
  }

  #order(order: Extract<EngineOrder, { kind: 'generate' | 'call' }>): void {
    if (!this.#send(order)) this.#fail(order.id, 'it has ended');
  }

  #fail(id: number, reason: string): void {
    this.#queues.get(id)?.fail(new EngineError('ENGINE_DIED', { model: this.#model, reason }));
    this.#queues.delete(id);
  }
}

const deltaOf = ({ id: _, kind: __, stats: ___, ...delta }: Extract<EngineReport, { kind: 'delta' }>): Delta => delta;

/** True for the last report about a request. */
const isLast = ({ kind }: EngineReport): boolean => kind === 'ended' || kind === 'failure' || kind === 'result';

/** The next report about a request. Rejects with the error that it reports. */
async function next(reports: ReportQueue): Promise<EngineReport> {
  const report = await reports.next();
  if (report.kind === 'failure') throw deserializeError(report.failure);
  return report;
}
