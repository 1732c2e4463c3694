import { EngineProcess } from './child/engine-process.ts';
import type { EngineStart, Tally } from './child/protocol.ts';
import type { LibraryModel } from './library.ts';
import type { Log } from './log.ts';

/** A model's engine that runs, and who uses it. */
interface Resident {
  readonly model: LibraryModel;
  readonly process: EngineProcess;
  users: number;
  /** Seconds that it stays after the last user. */
  keepAlive: number;
  expires: Date | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** The use of an engine, until it is left. */
export interface Lodging {
  readonly process: EngineProcess;
  /** Seconds that starting the engine took; 0 if it ran already. */
  readonly startSeconds: number;
  /** Once; further calls change nothing. */
  leave(): void;
}

export interface StageOptions {
  /** How the engine of a model is started, with a context of so many tokens or a chosen one. */
  startOf(model: LibraryModel, context: number | undefined): EngineStart;
  /** Seconds that engines stay when nobody says. */
  readonly keepAlive: number;
  readonly log: Log;
  /** An engine has ended after counting this. */
  readonly onEnd: (tally: Tally) => void;
}

/** setTimeout cannot wait longer, in milliseconds. */
const longestTimer = 2 ** 31 - 1;

/**
 * Where one engine at a time has the whole memory budget. Who needs another one waits, in order, until the present one
 * has no users; then it makes room.
 */
export class EngineStage implements AsyncDisposable {
  readonly #options: StageOptions;
  #resident: Resident | undefined;
  /** The end of the line of those who want an engine. */
  #line: Promise<unknown> = Promise.resolve();
  #leaving: Promise<void> = Promise.resolve();
  #idle: () => void = () => {};
  #starting = 0;

  constructor(options: StageOptions) {
    this.#options = options;
  }

  get resident(): Readonly<Pick<Resident, 'model' | 'process' | 'expires'>> | undefined {
    return this.#resident;
  }

  get starting(): boolean {
    return this.#starting > 0;
  }

  /** The engine of `model`, for one who wants `context` tokens. Rejects with the errors of starting it. */
  enter(
    model: LibraryModel,
    wish: { context?: number | undefined; keepAlive?: number | undefined; signal: AbortSignal },
  ): Promise<Lodging> {
    const mine = this.#line.then(() => this.#enter(model, wish));
    this.#line = mine.catch(() => {});
    return mine;
  }

  /** Ends the engine of `model` when those before have left it. */
  async clear(model: LibraryModel): Promise<void> {
    const mine = this.#line.then(async () => {
      if (this.#resident?.model.digest === model.digest) await this.#vacate(new AbortController().signal);
    });
    this.#line = mine.catch(() => {});
    await mine;
  }

  /** Ends everything now. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
    await this.#leaving;
  }

  async #enter(
    model: LibraryModel,
    {
      context,
      keepAlive,
      signal,
    }: { context?: number | undefined; keepAlive?: number | undefined; signal: AbortSignal },
  ): Promise<Lodging> {
    signal.throwIfAborted();
    const began = performance.now();
    // An engine loses its connection before it has ended: who comes in between is answered by the next one.
    if (this.#resident?.process.connected === false) await this.#resident.process.ended;
    const resident = this.#resident;
    if (resident?.model.digest === model.digest) {
      if (context === undefined || resident.process.facts.context >= context)
        return this.#lodge(resident, keepAlive, 0);
      await this.#checkPlan(resident, context);
    }
    await this.#vacate(signal);
    const next = await this.#start(model, context, signal);
    return this.#lodge(next, keepAlive, (performance.now() - began) / 1000);
  }

  /** Rejects if the engine could not have such a context: that is no reason to end the one it has. */
  async #checkPlan(resident: Resident, context: number): Promise<void> {
    const { process, leave } = this.#lodge(resident, resident.keepAlive, 0);
    try {
      await process.call({ name: 'plan', context });
    } finally {
      leave();
    }
  }

  #lodge(resident: Resident, keepAlive: number | undefined, startSeconds: number): Lodging {
    resident.users += 1;
    resident.keepAlive = keepAlive ?? this.#options.keepAlive;
    resident.expires = undefined;
    clearTimeout(resident.timer);
    let left = false;
    const leave = (): void => {
      if (left) return;
      left = true;
      resident.users -= 1;
      if (resident.users > 0 || this.#resident !== resident) return;
      this.#expire(resident);
      this.#idle();
    };
    return { process: resident.process, startSeconds, leave };
  }

  async #start(model: LibraryModel, context: number | undefined, signal: AbortSignal): Promise<Resident> {
    const { startOf, keepAlive, log, onEnd } = this.#options;
    this.#starting += 1;
    try {
      const options = {
        name: model.name,
        onWarning: (reason: string): void => log.warn({ model: model.name, reason }, 'the engine has trouble'),
        onEvent: (event: string, facts: object): void => log.debug({ model: model.name, ...facts }, event),
      };
      const process = await EngineProcess.start(startOf(model, context), options, signal);
      const resident: Resident = { model, process, users: 0, keepAlive, expires: undefined, timer: undefined };
      this.#resident = resident;
      log.info({ model: model.name, pid: process.pid, ...process.facts }, 'the engine runs');
      void process.ended.then((reason) => {
        onEnd(process.tally);
        clearTimeout(resident.timer);
        if (this.#resident !== resident) return;
        this.#resident = undefined;
        log.error({ model: model.name, reason }, 'the engine ended unexpectedly');
        this.#idle();
      });
      return resident;
    } finally {
      this.#starting -= 1;
    }
  }

  /** Waits until nobody uses the engine, and ends it. */
  async #vacate(signal: AbortSignal): Promise<void> {
    while (this.#resident && this.#resident.users > 0) {
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
    await this.#leaving;
  }

  #expire(resident: Resident): void {
    const { keepAlive } = resident;
    if (keepAlive <= 0) this.#close();
    else if (keepAlive !== Number.POSITIVE_INFINITY) {
      resident.expires = new Date(Date.now() + keepAlive * 1000);
      this.#wait(resident);
    }
  }

  #wait(resident: Resident): void {
    const rest = Number(resident.expires) - Date.now();
    if (rest <= 0) {
      if (this.#resident === resident && resident.users === 0) this.#close();
      return;
    }
    resident.timer = setTimeout(() => this.#wait(resident), Math.min(rest, longestTimer));
    resident.timer.unref();
  }

  #close(): void {
    const resident = this.#resident;
    if (!resident) return;
    this.#resident = undefined;
    clearTimeout(resident.timer);
    const { log } = this.#options;
    const closing = resident.process
      .close()
      .then(() => log.info({ model: resident.model.name }, 'the engine was unloaded'));
    this.#leaving = Promise.all([this.#leaving, closing]).then(() => {});
  }
}
