import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../base/errors.ts';
import type { Debug } from '../base/log.ts';
import { deserializeError } from '../base/serialized-error.ts';
import { idleState, zeroTotals } from '../engine/engine-totals.ts';
import type { GenerationRequest } from './backend.ts';
import { EngineRequests, type ProcessAnswer } from './engine-requests.ts';
import type {
  EngineCall,
  EngineFacts,
  EngineOrder,
  EngineReport,
  EngineResults,
  EngineStart,
  EngineStats,
} from './protocol.ts';
import { SilenceCounter } from './silence-counter.ts';

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

/** One model's engine, in a process of its own: when that dies, only its answers do. */
export class EngineProcess {
  readonly facts: EngineFacts;
  /** Resolves with the reason when the process has ended, in whatever way. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #requests: EngineRequests;
  readonly #stats: { last: EngineStats };
  readonly #silence: SilenceCounter;
  #closing = false;

  private constructor(child: ChildProcess, facts: EngineFacts, parts: Parts) {
    this.#child = child;
    this.facts = facts;
    this.#requests = parts.requests;
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
    const requests = new EngineRequests(name, (order) => send(child, order));
    const stats = { last: { sums: zeroTotals, state: idleState } };
    const silence = new SilenceCounter();
    const hangs = (): string => `it gave no sign of life for ${silence.intervals} s`;
    const watch = setInterval(() => {
      silence.pass();
      if (!silence.isTooLong) return;
      child.kill('SIGKILL');
      // A process that waits for a device may not end at once.
      requests.fail(hangs());
    }, second).unref();
    const ended = endOf(child).then((reason) => {
      clearInterval(watch);
      return silence.isTooLong ? hangs() : reason;
    });
    void ended.then((reason) => requests.fail(reason));
    const started = new Promise<EngineFacts>((resolve, reject) => {
      void ended.then((reason) => reject(new EngineError('ENGINE_DIED', { model: name, reason })));
      child.on('message', (report: EngineReport) => {
        if (report.kind === 'silence') silence.announce(report.seconds);
        else silence.break();
        stats.last = report.stats;
        if (report.kind === 'started') resolve(report.facts);
        else if (report.kind === 'refused') reject(deserializeError(report.failure));
        else if (report.kind === 'warning') onWarning(report.reason);
        else if (report.kind === 'event') onEvent(report.event, report.facts);
        else if ('id' in report) requests.receive(report);
      });
    });
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill);
    try {
      send(child, { kind: 'start', start });
      return new EngineProcess(child, await started, { requests, stats, silence, ended });
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
  generate(request: GenerationRequest, signal: AbortSignal): Promise<ProcessAnswer> {
    return this.#requests.generate(request, signal);
  }

  /** The result of a call, which `signal` cancels. Rejects with the call's error, or ENGINE_DIED. */
  call<N extends EngineCall['name']>(
    call: Extract<EngineCall, { name: N }>,
    signal?: AbortSignal,
  ): Promise<EngineResults[N]> {
    return this.#requests.call(call, signal);
  }

  /** Ends the process, and returns when its memory is free. Requests under way fail. */
  async close(): Promise<void> {
    if (!this.#closing) send(this.#child, { kind: 'close' });
    this.#closing = true;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), patience);
    await this.ended;
    clearTimeout(timer);
  }
}

interface Parts {
  readonly requests: EngineRequests;
  readonly stats: { last: EngineStats };
  readonly silence: SilenceCounter;
  readonly ended: Promise<string>;
}

/** Sends an order. False if it finds no engine; one that is lost on the way is told of by the engine's end. */
function send(child: ChildProcess, order: EngineOrder): boolean {
  if (!child.connected) return false;
  child.send(order, () => {});
  return true;
}

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
