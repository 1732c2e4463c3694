import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import type { Debug } from '../base/log.ts';
import { memoryFileSystem } from '../base/memory-folder.ts';
import { withEither } from '../base/promises.ts';
import { Forward, type PassOptions } from '../exec/forward.ts';
import { worthConverting } from '../exec/program.ts';
import type { Span } from '../exec/span.ts';
import { checkAvailable } from '../ggml/system.ts';
import type { Pager } from '../pager/pager.ts';
import { Reader, type ReaderOptions } from '../pager/reader.ts';
import type { LoadOptions } from '../pager/residents.ts';
import type { Plan } from '../plan/plan.ts';
import type { PassLimits } from '../plan/schedule.ts';
import { CachePool } from '../state/cache-pool.ts';
import { PrefixFiles, type PrefixFilesOptions } from '../state/prefix-files.ts';
import { PrefixMemory } from '../state/prefix-memory.ts';
import { SequenceCache } from '../state/sequence-cache.ts';
import type { SequenceState } from '../state/sequence-state.ts';
import { countersBetween, countersOf } from './counters.ts';
import type { GraphSurroundings } from './model-graphs.ts';
import type { ModelOutline } from './model-outline.ts';

export interface RuntimeOptions extends Omit<GraphSurroundings, 'reader'> {
  readonly reading: ReaderOptions;
  /** Divides prompts alike whoever else is there, and reuses them only as they would be computed anew. */
  readonly exact?: boolean;
  /** Drafts no further than pays. */
  readonly adaptive?: boolean;
  /** Hears of what is opened, loaded and computed. */
  readonly debug?: Debug | undefined;
  /**
   * A name for everything that keys and values depend on beside their shape; without one nothing outlives the process.
   */
  readonly identity?: string | undefined;
  /** Folder where keys and values of prompts outlive the process. */
  readonly promptCache?: PromptFolder | undefined;
}

/** See `PromptCacheOptions`. */
interface PromptFolder {
  readonly folder: string;
  readonly folderBytes?: number | undefined;
  readonly warn?: ((reason: Error) => void) | undefined;
}

/** Address space beside a plan that passes may take: graphs, stacks of threads, JavaScript. Measured: up to 100 MiB. */
const passBytes = 128 * 2 ** 20;

/** Limits of a pass, and of drafts. */
type RuntimeLimits = Omit<PassLimits, 'chunk' | 'promptsFirst'> & {
  readonly ahead: number;
  readonly adaptive: boolean;
};

/**
 * A planned model, ready to take tokens: files open, memory allocated. Residents are loaded ahead, or by the first
 * pass.
 */
export class Runtime implements AsyncDisposable {
  /** The model's file. */
  readonly path: string;
  readonly plan: Plan;
  readonly reader: Reader;
  readonly pager: Pager;
  readonly forward: Forward;
  readonly caches: CachePool;
  readonly limits: RuntimeLimits;
  readonly identity: string;
  readonly debug: Debug | undefined;
  readonly #files: PrefixFiles | undefined;
  readonly #memory: Disposer;
  readonly #closing: AbortController = new AbortController();
  /** The pass under way, or the loading. */
  #work: Promise<unknown> = Promise.resolve();
  readonly #releases: Set<Promise<void>> = new Set();
  #loadSeconds = 0;

  private constructor(
    parts: Pick<
      Runtime,
      'path' | 'plan' | 'reader' | 'pager' | 'forward' | 'caches' | 'limits' | 'identity' | 'debug'
    > & {
      files: PrefixFiles | undefined;
    },
    memory: Disposer,
  ) {
    this.path = parts.path;
    this.plan = parts.plan;
    this.reader = parts.reader;
    this.pager = parts.pager;
    this.forward = parts.forward;
    this.caches = parts.caches;
    this.limits = parts.limits;
    this.identity = parts.identity;
    this.debug = parts.debug;
    this.#files = parts.files;
    this.#memory = memory;
  }

  /** Opens files and allocates memory. Rejects with MODEL_NOT_FOUND, UNREADABLE, OUT_OF_MEMORY, KV_SPACE. */
  static async open(outline: ModelOutline, plan: Plan, options: RuntimeOptions): Promise<Runtime> {
    const { file: model } = outline;
    const { device, reading, exact = false, adaptive = true, identity = '', promptCache, debug } = options;
    const reader = new Reader(model.files, reading);
    debug?.('files opened', {
      files: model.files.map(({ path }) => path),
      direct: reader.direct,
      in_flight: reader.reading.inFlight,
      chunk: reader.reading.chunkBytes,
    });
    const memory = new Disposer();
    try {
      const { graphs, pager } = outline.graphs.open(plan, { ...options, reader }, memory);
      const places = Array.from({ length: plan.parallel }, () => memory.use(new SequenceCache(graphs.newState())));
      const { state } = at(places, 0);
      const copies = memory.use(new PrefixMemory(plan.promptCache));
      const { architecture } = outline.config;
      const files = promptCache && (await promptFiles(promptCache, { identity, architecture, state }));
      const stores = files ? [copies, files] : [copies];
      const caches = new CachePool(places, { stores, exactBatch: exact ? plan.batch : undefined });
      const { wholeTexts } = outline.graphs;
      const others = wholeTexts ? 0 : (plan.parallel - 1) * (1 + plan.ahead);
      const { batch, ahead } = plan;
      // A text that does not fit into a pass as a whole waits for the next one.
      const limits = {
        batch,
        tokens: batch + others,
        exact: exact || wholeTexts,
        even: graphs.evenSpans,
        ahead,
        adaptive,
      };
      const forward = new Forward({ graphs, pager, device });
      checkAvailable(plan.shares.compute + passBytes, 'computing');
      return new Runtime(
        {
          path: outline.path,
          plan,
          reader,
          pager,
          forward,
          caches,
          limits,
          identity,
          files,
          debug,
        },
        memory,
      );
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      memory[Symbol.dispose]();
      throw error;
    }
  }

  /** Seconds of loading; 0 if the first pass did it on the way. */
  get loadSeconds(): number {
    return this.#loadSeconds;
  }

  /** Bytes written to the storage so far: keys and values, and prompts that are kept. */
  get bytesWritten(): number {
    const { reader } = this;
    return this.#files ? reader.bytesWritten + this.#files.bytesWritten : reader.bytesWritten;
  }

  /**
   * Loads the residents, if they are not there yet, before a pass over `tokens` that is better off without loading on
   * the way; by default in any case. Rejects with READ_FAILED, FILE_CHANGED, MODEL_CLOSED, or the signal's reason.
   */
  async load({
    tokens = Number.POSITIVE_INFINITY,
    onProgress,
    signal,
  }: LoadOptions & { tokens?: number } = {}): Promise<void> {
    if (this.pager.residents.loaded || !worthConverting(tokens)) return;
    const began = performance.now();
    await this.#timed('loaded', {}, () =>
      this.#exclusively(signal, (either) => this.pager.load({ onProgress, signal: either })),
    );
    this.#loadSeconds = (performance.now() - began) / 1000;
  }

  /** Runs a pass (`Forward.run`), one at a time, until the runtime is closed. Rejects with MODEL_CLOSED too. */
  run(spans: readonly Span[], options: PassOptions = {}): Promise<Float32Array> {
    const facts = this.debug && { spans: spans.map(({ start, tokens }) => ({ start, tokens: tokens.length })) };
    return this.#timed('pass', facts, () =>
      this.#exclusively(options.signal, (signal) => this.forward.run(spans, { ...options, signal })),
    );
  }

  /** Does `work`, and reports its cost as `event` if anybody wants to know. */
  async #timed<T>(event: string, facts: object | undefined, work: () => Promise<T>): Promise<T> {
    if (!this.debug) return work();
    const before = countersOf(this);
    const result = await work();
    const { time, bytes, io, stall, compute, experts } = countersBetween(countersOf(this), before);
    const seconds = { time_s: time, read_s: io, stall_s: stall, compute_s: compute };
    const routers = experts.map(({ asked, hits, bytesRead, waited }) => ({
      ...{ asked, hits, bytes_read: bytesRead },
      ...rounded({ stall_s: waited }),
    }));
    this.debug(event, {
      ...facts,
      bytes_read: bytes,
      ...rounded(seconds),
      ...(routers.length > 0 && { experts: routers }),
    });
    return result;
  }

  /** Releases the cache of a sequence that has left it; `done` is called when the cache is free. */
  release(cache: SequenceCache, done: () => void): void {
    const released = this.caches.release(cache, this.#files).then(done);
    this.#releases.add(released);
    void released.finally(() => this.#releases.delete(released));
  }

  /** Waits until nothing is read from the caches of sequences that have left. */
  async allReleased(): Promise<void> {
    await Promise.all(this.#releases);
  }

  /** Ends the pass under way, or the loading, with `reason`, and refuses others. */
  abort(reason: Error): void {
    this.#closing.abort(reason);
  }

  #exclusively<T>(wanted: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const closing = this.#closing.signal;
    if (closing.aborted) return Promise.reject(closing.reason);
    const result = wanted ? withEither([wanted, closing], work) : work(closing);
    this.#work = result.catch(() => {});
    return result;
  }

  /** Frees everything: memory goes after the last read into it has ended, and the last step on it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work;
    await this.allReleased();
    await this.reader[Symbol.asyncDispose]();
    // Uploads go on with what was read.
    await this.pager.settled();
    this.#memory[Symbol.dispose]();
  }
}

/** Values rounded to millionths. */
const rounded = (seconds: Readonly<Record<string, number>>): object =>
  Object.fromEntries(Object.entries(seconds).map(([name, value]) => [name, Math.round(value * 1e6) / 1e6]));

/** Bytes of kept prompts on the SSD at most when nobody says. */
const usualFolderBytes = 8 * 2 ** 30;

/** Texts that are to be kept: see `PrefixFilesOptions`. */
interface KeptTexts extends Pick<PrefixFilesOptions, 'identity'> {
  readonly architecture: string;
  readonly state: SequenceState;
}

/** Files of kept prompts; none where they would take memory beside the budget, or cannot be had. */
async function promptFiles(
  { folder, folderBytes = usualFolderBytes, warn }: PromptFolder,
  { identity, architecture, state }: KeptTexts,
): Promise<PrefixFiles | undefined> {
  if (!state.canCopy) {
    warn?.(new EngineError('NOT_WITH_LIBLLAMA', { what: 'a folder of kept prompts', architecture }));
    return undefined;
  }
  const fileSystem = memoryFileSystem(folder);
  if (fileSystem !== undefined) {
    warn?.(new EngineError('IN_MEMORY', { folder, fileSystem }));
    return undefined;
  }
  return PrefixFiles.open(folder, {
    identity,
    form: state.form,
    capacity: folderBytes,
    warn: (reason) => warn?.(reason),
  });
}
