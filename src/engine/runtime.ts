import { Disposer } from '../base/disposer.ts';
import type { Device } from '../ggml/device.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { KvStore, kvMemory } from '../kv/store.ts';
import type { Plan } from '../plan/plan.ts';
import type { Span } from '../run/batch.ts';
import { Forward, type PassOptions } from '../run/forward.ts';
import { bindWeights, type LayoutOf } from '../run/routes.ts';
import { Reader, type ReaderOptions } from '../stream/reader.ts';
import { arenaBytes, type LoadOptions, loadResidents } from '../stream/residents.ts';
import { WeightSource } from '../stream/source.ts';
import { kvShapeOf, type ModelOutline } from './outline.ts';

/** A planned model in memory, ready to take tokens: files open, residents loaded, the ring being filled. */
export class Runtime implements AsyncDisposable {
  readonly plan: Plan;
  readonly reader: Reader;
  readonly source: WeightSource;
  readonly forward: Forward;
  readonly kv: KvStore;
  readonly #memory: Disposer;
  readonly #closing: AbortController = new AbortController();
  #pass: Promise<unknown> = Promise.resolve();

  private constructor(parts: Pick<Runtime, 'plan' | 'reader' | 'source' | 'forward' | 'kv'>, memory: Disposer) {
    this.plan = parts.plan;
    this.reader = parts.reader;
    this.source = parts.source;
    this.forward = parts.forward;
    this.kv = parts.kv;
    this.#memory = memory;
  }

  /** Rejects with READ_FAILED, FILE_CHANGED, UNREADABLE, OUT_OF_MEMORY, or the signal's reason. */
  static async load(
    outline: ModelOutline,
    plan: Plan,
    machine: { device: Device; layoutOf: LayoutOf; reading: ReaderOptions },
    options: LoadOptions = {},
  ): Promise<Runtime> {
    const { file, config, stages } = outline;
    const { device, layoutOf, reading } = machine;
    const reader = new Reader(file.files, reading);
    const memory = new Disposer();
    try {
      const arena = memory.use(new HostMemory(arenaBytes(plan), 'resident weights'));
      const ring = memory.use(new HostMemory(plan.shares.ring, 'the ring'));
      const { tensors, routes } = bindWeights(plan, file.weights, { arena, ring, layoutOf }, memory);
      await loadResidents(plan, reader, { arena, ring, tensors }, options);

      const kvShape = kvShapeOf(config, plan.context);
      const kv = memory.use(new KvStore(kvShape, memory.use(kvMemory(kvShape))));
      const source = new WeightSource(reader);
      const forward = memory.use(new Forward({ stages, plan, device, routes, file: file.weights, source, reader }));
      return new Runtime({ plan, reader, source, forward, kv }, memory);
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      memory[Symbol.dispose]();
      throw error;
    }
  }

  /** `Forward.run`, one pass at a time, until the runtime is closed. Rejects with MODEL_CLOSED too. */
  run(spans: readonly Span[], options: PassOptions = {}): Promise<Float32Array> {
    const closing = this.#closing.signal;
    if (closing.aborted) return Promise.reject(closing.reason);
    const signal = options.signal ? AbortSignal.any([options.signal, closing]) : closing;
    const pass = this.forward.run(spans, { ...options, signal });
    this.#pass = pass.catch(() => {});
    return pass;
  }

  /** Ends the pass under way; memory goes after the last read into it has ended, and the last step on it. */
  async close(reason: Error): Promise<void> {
    this.#closing.abort(reason);
    await this.#pass;
    await this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader[Symbol.asyncDispose]();
    this.#memory[Symbol.dispose]();
  }
}
