import type { Log } from '../base/log.ts';
import type { LibraryModel } from '../library/library.ts';
import { EngineProcess } from './engine-process.ts';
import type { EngineStart, EngineStats } from './protocol.ts';

/** A model's engine that runs, and the number of its users. */
interface PooledEngine {
  readonly model: LibraryModel;
  readonly process: EngineProcess;
  users: number;
  /** Seconds that it stays after the last user. */
  keepAlive: number;
  expires: Date | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** The use of an engine, until it is left. */
export interface EngineRef {
  readonly process: EngineProcess;
  /** Seconds until it was there: of waiting for others to leave, and of starting it. */
  readonly loadSeconds: number;
  /** Ends the use, once; further calls change nothing. */
  release(): void;
}

export interface EnginePoolOptions {
  /** Options to start the engine of a model with, in a context of so many tokens or a chosen one. */
  startOf(model: LibraryModel, context: number | undefined): EngineStart;
  /** Seconds that engines stay when nobody says. */
  readonly keepAlive: number;
  readonly log: Log;
  /** Called when an engine has ended, with its last counts. */
  readonly onEnd: (stats: EngineStats) => void;
}

/** Milliseconds of the longest timer of setTimeout. */
const longestTimer = 2 ** 31 - 1;

/**
 * The place where one engine at a time has the whole memory budget. Requests for another one wait, in order, until the
 * present one has no users; then it makes room.
 */
export class EnginePool implements AsyncDisposable {
  readonly #options: EnginePoolOptions;
  #current: PooledEngine | undefined;
  /** The end of the line of those who want an engine. */
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> = Promise.resolve();
  #idle: () => void = () => {};
  #starting = 0;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
  }

  get current(): Readonly<Pick<PooledEngine, 'model' | 'process' | 'expires'>> | undefined {
    return this.#current;
  }

  get starting(): boolean {
    return this.#starting > 0;
  }

  /** The engine of `model`, with at least `context` tokens. Rejects with the errors of starting it. */
  acquire(
    model: LibraryModel,
    options: { context?: number | undefined; keepAlive?: number | undefined; signal: AbortSignal },
  ): Promise<EngineRef> {
    const began = performance.now();
    const mine = this.#queue.then(() => this.#acquire(model, began, options));
    this.#queue = mine.catch(() => {});
    return mine;
  }

  /** Ends the engine of `model`: now, or as soon as nobody uses it any more, which is not waited for. */
  async evict(model: LibraryModel): Promise<void> {
    const engine = this.#current;
    if (engine?.model.digest !== model.digest) return;
    engine.keepAlive = 0;
    if (engine.users > 0) return;
    this.#close();
    await this.#closing;
  }

  /** Ends everything now. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.#closing;
  }

  async #acquire(
    model: LibraryModel,
    began: number,
    {
      context,
      keepAlive,
      signal,
    }: { context?: number | undefined; keepAlive?: number | undefined; signal: AbortSignal },
  ): Promise<EngineRef> {
    signal.throwIfAborted();
    // An engine loses its connection before it has ended: requests in between are answered by the next one.
    if (this.#current?.process.connected === false) await this.#current.process.ended;
    const engine = this.#current;
    if (engine?.model.digest === model.digest) {
      if (context === undefined || engine.process.facts.context >= context)
        return this.#retain(engine, keepAlive, began);
      await this.#checkPlan(engine, context);
    }
    await this.#evictWhenIdle(signal);
    const next = await this.#start(model, context, signal);
    return this.#retain(next, keepAlive, began);
  }

  /** Rejects if the engine could not have such a context: that is no reason to end the present one. */
  async #checkPlan(engine: PooledEngine, context: number): Promise<void> {
    const { process, release } = this.#retain(engine, engine.keepAlive, performance.now());
    try {
      await process.call({ name: 'plan', context });
    } finally {
      release();
    }
  }

  #retain(engine: PooledEngine, keepAlive: number | undefined, began: number): EngineRef {
    engine.users += 1;
    engine.keepAlive = keepAlive ?? this.#options.keepAlive;
    engine.expires = undefined;
    clearTimeout(engine.timer);
    let left = false;
    const release = (): void => {
      if (left) return;
      left = true;
      engine.users -= 1;
      if (engine.users > 0 || this.#current !== engine) return;
      this.#expire(engine);
      this.#idle();
    };
    return { process: engine.process, loadSeconds: (performance.now() - began) / 1000, release };
  }

  async #start(model: LibraryModel, context: number | undefined, signal: AbortSignal): Promise<PooledEngine> {
    const { startOf, keepAlive, log, onEnd } = this.#options;
    this.#starting += 1;
    try {
      const options = {
        name: model.name,
        onWarning: (reason: string): void => log.warn({ model: model.name, reason }, 'the engine has trouble'),
        onEvent: (event: string, facts: object): void => log.debug({ model: model.name, ...facts }, event),
      };
      const process = await EngineProcess.start(startOf(model, context), options, signal);
      const engine: PooledEngine = { model, process, users: 0, keepAlive, expires: undefined, timer: undefined };
      this.#current = engine;
      log.info({ model: model.name, pid: process.pid, ...process.facts }, 'the engine runs');
      void process.ended.then((reason) => {
        onEnd(process.stats);
        clearTimeout(engine.timer);
        if (this.#current !== engine) return;
        this.#current = undefined;
        log.error({ model: model.name, reason }, 'the engine ended unexpectedly');
        this.#idle();
      });
      return engine;
    } finally {
      this.#starting -= 1;
    }
  }

  /** Waits until nobody uses the engine, and ends it. */
  async #evictWhenIdle(signal: AbortSignal): Promise<void> {
    while (this.#current && this.#current.users > 0) {
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(signal.reason);
        signal.addEventListener('abort', abort);
        this.#idle = () => {
          signal.removeEventListener('abort', abort);
          resolve();
        };
      });
    }
    this.#close();
    await this.#closing;
  }

  #expire(engine: PooledEngine): void {
    const { keepAlive } = engine;
    if (keepAlive <= 0) this.#close();
    else if (keepAlive !== Number.POSITIVE_INFINITY) {
      engine.expires = new Date(Date.now() + keepAlive * 1000);
      this.#wait(engine);
    }
  }

  #wait(engine: PooledEngine): void {
    const rest = Number(engine.expires) - Date.now();
    if (rest <= 0) {
      if (this.#current === engine && engine.users === 0) this.#close();
      return;
    }
    engine.timer = setTimeout(() => this.#wait(engine), Math.min(rest, longestTimer));
    engine.timer.unref();
  }

  #close(): void {
    const engine = this.#current;
    if (!engine) return;
    this.#current = undefined;
    clearTimeout(engine.timer);
    const { log } = this.#options;
    const closing = engine.process
      .close()
      .then(() => log.info({ model: engine.model.name }, 'the engine was unloaded'));
    this.#closing = Promise.all([this.#closing, closing]).then(() => {});
  }
}
