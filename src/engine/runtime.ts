import { Disposer } from '../base/disposer.ts';
import type { Device } from '../ggml/device.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { KvStore, kvMemory } from '../kv/store.ts';
import type { Plan } from '../plan/plan.ts';
import type { Span } from '../run/batch.ts';
import { Forward, type PassOptions, paysToConvert } from '../run/forward.ts';
import { bindWeights, type LayoutOf } from '../run/routes.ts';
import { Reader, type ReaderOptions } from '../stream/reader.ts';
import { arenaBytes, type LoadOptions, Residents } from '../stream/residents.ts';
import { WeightSource } from '../stream/source.ts';
import { kvShapeOf, type ModelOutline } from './outline.ts';

/** A planned model, ready to take tokens: files open, memory allocated. Residents are loaded ahead, or by the first pass. */
export class Runtime implements AsyncDisposable {
  readonly plan: Plan;
  readonly reader: Reader;
  readonly source: WeightSource;
  readonly forward: Forward;
  readonly kv: KvStore;
  readonly #residents: Residents;
  readonly #memory: Disposer;
  readonly #closing: AbortController = new AbortController();
  /** The pass under way, or the loading. */
  #work: Promise<unknown> = Promise.resolve();
  #loadSeconds = 0;

  private constructor(
    parts: Pick<Runtime, 'plan' | 'reader' | 'source' | 'forward' | 'kv'> & { residents: Residents },
    memory: Disposer,
  ) {
    this.plan = parts.plan;
    this.reader = parts.reader;
    this.source = parts.source;
    this.forward = parts.forward;
    this.kv = parts.kv;
    this.#residents = parts.residents;
    this.#memory = memory;
  }

  /** Rejects with MODEL_NOT_FOUND, UNREADABLE, OUT_OF_MEMORY. */
  static async open(
    outline: ModelOutline,
    plan: Plan,
    machine: { device: Device; layoutOf: LayoutOf; reading: ReaderOptions },
  ): Promise<Runtime> {
    const { file, config, stages } = outline;
    const { device, layoutOf, reading } = machine;
    const reader = new Reader(file.files, reading);
    const memory = new Disposer();
    try {
      const arena = memory.use(new HostMemory(arenaBytes(plan), 'resident weights'));
      const ring = memory.use(new HostMemory(plan.shares.ring, 'the ring'));
      const { tensors, routes } = bindWeights(plan, file.weights, { arena, ring, layoutOf }, memory);

      const kvShape = kvShapeOf(config, plan.context);
      const kv = memory.use(new KvStore(kvShape, memory.use(kvMemory(kvShape))));
      const source = new WeightSource(reader);
      const residents = new Residents(plan, reader, { arena, ring, tensors });
      const passes = { stages, plan, device, routes, file: file.weights, residents, source, reader };
      const forward = memory.use(new Forward(passes));
      return new Runtime({ plan, reader, source, forward, kv, residents }, memory);
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      memory[Symbol.dispose]();
      throw error;
    }
  }

  /** Seconds that loading took; 0 if the first pass did it on the way. */
  get loadSeconds(): number {
    return this.#loadSeconds;
  }

  /**
   * Loads what stays resident, if it is not there yet, before a pass over `tokens` that is better off without loading
   * on the way; left out, in any case. Rejects with READ_FAILED, FILE_CHANGED, MODEL_CLOSED, or the signal's reason.
   */
  async load({
    tokens = Number.POSITIVE_INFINITY,
    onProgress,
    signal,
  }: LoadOptions & { tokens?: number } = {}): Promise<void> {
    if (this.#residents.loaded || !paysToConvert(tokens)) return;
    const began = performance.now();
    await this.#exclusively(signal, (either) => this.#residents.load({ onProgress, signal: either }));
    this.#loadSeconds = (performance.now() - began) / 1000;
  }

  /** `Forward.run`, one pass at a time, until the runtime is closed. Rejects with MODEL_CLOSED too. */
  run(spans: readonly Span[], options: PassOptions = {}): Promise<Float32Array> {
    return this.#exclusively(options.signal, (signal) => this.forward.run(spans, { ...options, signal }));
  }

  /** Ends what is under way; memory goes after the last read into it has ended, and the last step on it. */
  async close(reason: Error): Promise<void> {
    this.#closing.abort(reason);
    await this.#work;
    await this[Symbol.asyncDispose]();
  }

  #exclusively<T>(wanted: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const closing = this.#closing.signal;
    if (closing.aborted) return Promise.reject(closing.reason);
    const result = work(wanted ? AbortSignal.any([wanted, closing]) : closing);
    this.#work = result.catch(() => {});
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
    this.#memory[Symbol.dispose]();
  }
}
