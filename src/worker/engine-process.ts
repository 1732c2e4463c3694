import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Debug } from '../base/debug.ts';
import { EngineError } from '../base/errors.ts';
import { idleState, zeroTotals } from '../engine/engine-totals.ts';
import type { Delta, GenerationRequest } from './backend.ts';
import {
  deserializeError,
  type EngineCall,
  type EngineEnding,
  type EngineFacts,
  type EngineOrder,
  type EngineReport,
  type EngineStart,
  type EngineStats,
} from './protocol.ts';
import { ReportQueue } from './report-queue.ts';
import { longestSilence, SilenceCounter } from './silence-counter.ts';

/** The program beside this file, whether that is a source or part of a bundle. */
const program = fileURLToPath(new URL(`engine-main${extname(import.meta.url)}`, import.meta.url));
/** Young objects take no more than 3 x 4 MiB: weights need the memory more. */
const flags = ['--max-semi-space-size=4'];
/** Milliseconds that an engine has to end by itself. */
const patience = 5000;
/** Milliseconds between two checks that it is alive; it reports as often. */
const second = 1000;

export interface EngineProcessOptions {
  /** The model's name, for errors. */
  readonly name: string;
  readonly onWarning: (reason: string) => void;
  readonly onEvent: Debug;
}

/** An answer, as the engine gives it. */
export interface ProcessAnswer {
  readonly promptTokens: number;
  /** Parts of the answer. Rejects with the EngineError that ended it. Returns `undefined` if it was cancelled. */
  readonly deltas: AsyncGenerator<Delta, EngineEnding | undefined, void>;
}

/** One model's engine, in a process of its own: when that dies, only its answers do. */
export class EngineProcess {
  readonly facts: EngineFacts;
  /** Resolves with the reason when the process has ended, in whatever way. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #listeners: Map<number, ReportQueue>;
  readonly #stats: { last: EngineStats };
  readonly #silence: SilenceCounter;
  #ids = 0;
  #closing = false;

  private constructor(child: ChildProcess, facts: EngineFacts, parts: Parts) {
    this.#child = child;
    this.facts = facts;
    this.#name = parts.name;
    this.#listeners = parts.listeners;
    this.#stats = parts.stats;
    this.#silence = parts.silence;
    this.ended = parts.ended;
  }

  /** Starts an engine. Rejects with the errors of opening a model, or ENGINE_DIED. An abort ends it. */
  static async start(start: EngineStart, options: EngineProcessOptions, signal: AbortSignal): Promise<EngineProcess> {
    signal.throwIfAborted();
    const { name, onWarning, onEvent } = options;
    const child = fork(program, [], {
      serialization: 'advanced',
      execArgv: [...process.execArgv, ...flags],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const listeners = new Map<number, ReportQueue>();
    const stats = { last: { sums: zeroTotals, state: idleState } };
    const silence = new SilenceCounter();
    const fail = (reason: string): void => {
      for (const listener of listeners.values()) listener.fail(new EngineError('ENGINE_DIED', { model: name, reason }));
      listeners.clear();
    };
    const hangs = `it gave no sign of life for ${longestSilence} s`;
    const watch = setInterval(() => {
      silence.pass();
      if (silence.intervals < longestSilence) return;
      child.kill('SIGKILL');
      // A process that waits for a device may not end at once.
      fail(hangs);
    }, second).unref();
    const ended = endOf(child).then((reason) => {
      clearInterval(watch);
      return silence.intervals < longestSilence ? reason : hangs;
    });
    void ended.then(fail);
    const started = new Promise<EngineFacts>((resolve, reject) => {
      void ended.then((reason) => reject(new EngineError('ENGINE_DIED', { model: name, reason })));
      child.on('message', (report: EngineReport) => {
        silence.break();
        stats.last = report.stats;
        if (report.kind === 'started') resolve(report.facts);
        else if (report.kind === 'refused') reject(deserializeError(report.failure));
        else if (report.kind === 'warning') onWarning(report.reason);
        else if (report.kind === 'event') onEvent(report.event, report.facts);
        else if ('id' in report) {
          listeners.get(report.id)?.receive(report);
          if (isLast(report)) listeners.delete(report.id);
        }
      });
    });
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    try {
      send(child, { kind: 'start', start });
      return new EngineProcess(child, await started, { name, listeners, stats, silence, ended });
    } catch (error) {
      kill();
      await ended;
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', kill);
    }
  }

  /** The process's id; undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Seconds since the last sign of life. */
  get silent(): number {
    return this.#silence.intervals;
  }

  /** False once orders cannot reach it any more, a moment before it has ended. */
  get connected(): boolean {
    return this.#child.connected;
  }

  /** Counts and state as of the last report. */
  get stats(): EngineStats {
    return this.#stats.last;
  }

  /** Resolves when the engine has found the request valid. Rejects with the reason if it has not, or ENGINE_DIED. */
  async generate(request: GenerationRequest, signal: AbortSignal): Promise<ProcessAnswer> {
    signal.throwIfAborted();
    const id = this.#newId();
    const reports = this.#listen(id);
    const cancel = (): void => this.#send({ kind: 'cancel', id });
    signal.addEventListener('abort', cancel);
    const leave = (): void => {
      signal.removeEventListener('abort', cancel);
      this.#listeners.delete(id);
    };
    try {
      this.#send({ kind: 'generate', id, request });
      const first = await reports.next();
      if (first.kind === 'failure') throw deserializeError(first.failure);
      if (first.kind !== 'accepted') throw new Error(`the engine said ${first.kind} first`);
      const deltas = async function* (): AsyncGenerator<Delta, EngineEnding | undefined, void> {
        let over = false;
        try {
          for (;;) {
            const report = await reports.next();
            over = isLast(report);
            if (report.kind === 'failure') throw deserializeError(report.failure);
            if (report.kind === 'ended') return report.ending;
            if (report.kind === 'delta') yield { text: report.text, logprobs: report.logprobs };
          }
        } finally {
          if (!over) cancel();
          leave();
        }
      };
      return { promptTokens: first.promptTokens, deltas: deltas() };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /** The result of a call. Rejects with the call's error, or ENGINE_DIED. */
  async call(call: EngineCall): Promise<unknown> {
    const id = this.#newId();
    const reports = this.#listen(id);
    try {
      this.#send({ kind: 'call', id, call });
      const report = await reports.next();
      if (report.kind === 'failure') throw deserializeError(report.failure);
      return report.kind === 'result' ? report.value : undefined;
    } finally {
      this.#listeners.delete(id);
    }
  }

  /** Ends the process, and returns when its memory is free. Requests under way fail. */
  async close(): Promise<void> {
    if (!this.#closing) this.#send({ kind: 'close' });
    this.#closing = true;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    await this.ended;
    clearTimeout(timer);
  }

  #newId(): number {
    this.#ids += 1;
    return this.#ids;
  }

  #send(order: EngineOrder): void {
    send(this.#child, order);
  }

  /** Reports about request `id`, one after the other; when too many are unread the request is cancelled. */
  #listen(id: number): ReportQueue {
    const reports = new ReportQueue(() => this.#send({ kind: 'cancel', id }));
    this.#listeners.set(id, reports);
    if (!this.#child.connected)
      reports.fail(new EngineError('ENGINE_DIED', { model: this.#name, reason: 'it has ended' }));
    return reports;
  }
}

/** True for the last report about a request. */
const isLast = ({ kind }: EngineReport): boolean => kind === 'ended' || kind === 'failure' || kind === 'result';

interface Parts {
  readonly name: string;
  readonly listeners: Map<number, ReportQueue>;
  readonly stats: { last: EngineStats };
  readonly silence: SilenceCounter;
  readonly ended: Promise<string>;
}

/** Sends an order. One that finds no engine is lost: waiters for its answer get the end of the engine. */
function send(child: ChildProcess, order: EngineOrder): void {
  if (child.connected) child.send(order, () => {});
}

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
