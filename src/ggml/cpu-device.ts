import koffi, { type TypeObject } from 'koffi';
import { last } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { dimension } from '../gguf/weight.ts';
import { type Ggml, loadGgml } from './api.ts';
import { aside } from './aside.ts';
import { Context } from './context.ts';
import { variantIn } from './cpu-variant.ts';
import type { Device } from './device.ts';
import { F32, I32 } from './graph.ts';
import { HostMemory } from './host-memory.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { loadLibraries, type Pointer } from './library.ts';
import { libraryAt } from './system.ts';
import { checkTensorFields, setBuffer, tensorStrides } from './tensor-fields.ts';
import { newTensor } from './tensor-set.ts';

const cpuType = 0;

const threadpoolParams = koffi.struct({
  cpumask: koffi.array('bool', 512),
  n_threads: 'int',
  prio: 'int',
  poll: 'uint32_t',
  strict_cpu: 'bool',
  paused: 'bool',
});

/**
 * The turns of spinning for the next graph: 2 ms, then threads sleep and take 0.3 ms to wake up. Spinning on takes cores
 * from reading: an 8B streamed at 0.85 of the reader's own rate at 50.
 */
const briefly = 1;

/** The CPU, with persistent pools of threads. */
export class CpuDevice implements Device {
  readonly kind = 'cpu';
  readonly memory = 'host';
  readonly driverBytes: number;
  readonly driverGrowth = 0;
  readonly room: number = Number.POSITIVE_INFINITY;
  readonly name: string;
  readonly threads: number;
  readonly bufferType: Pointer;
  readonly pointer = undefined;
  readonly #api: Ggml;
  readonly #device: Pointer;
  readonly #backend: Pointer;
  /** Threads that sleep between graphs, and threads that spin first: made when they are asked for. */
  readonly #pools = new Map<number, Pointer>();
  #poll: number | undefined;
  readonly #setThreads: (backend: Pointer, threads: number) => void;

  /** Operations are shared by up to `threads` threads; libraries of other devices have taken `driverBytes`. Throws LIBRARY_MISSING, LIBRARY_DIFFERS. */
  constructor(threads: number, driverBytes = 0) {
    this.driverBytes = driverBytes;
    checkTensorFields();
    this.#api = loadGgml();
    this.threads = threads;
    this.bufferType = this.#api.ggml_backend_cpu_buffer_type();
    this.#device = this.#api.ggml_backend_dev_by_type(cpuType);
    this.name = this.#api.ggml_backend_dev_description(this.#device);
    this.#backend = this.#api.ggml_backend_dev_init(this.#device, null);

    this.#setThreads = this.#call('ggml_backend_set_n_threads', 'void', ['void *', 'int']);
    this.#usePool(0);
  }

  get variant(): string | undefined {
    return variantIn(libraryAt(this.#address('ggml_threadpool_new')) ?? '');
  }

  facts(): object {
    return { name: this.name, variant: this.variant, threads: this.threads };
  }

  memoryFor(bytes: number, what: string): HostMemory {
    return new HostMemory(bytes, what);
  }

  stagingFor(bytes: number, what: string): HostMemory {
    return new HostMemory(bytes, what);
  }

  async compute(graph: Pointer, threads: number = this.threads, spin: boolean = false): Promise<void> {
    this.#usePool(spin ? briefly : 0);
    this.#setThreads(this.#backend, threads);
    const status = await aside(this.#api.ggml_backend_graph_compute, this.#backend, graph);
    if (status !== 0) throw new EngineError('COMPUTE_FAILED', { status });
  }

  computeNow(graph: Pointer): void {
    this.#setThreads(this.#backend, 1);
    const status = this.#api.ggml_backend_graph_compute(this.#backend, graph);
    if (status !== 0) throw new EngineError('COMPUTE_FAILED', { status });
  }

  checkComputed(): void {}

  supports(node: Pointer): boolean {
    return this.#api.ggml_backend_dev_supports_op(this.#device, node);
  }

  paddingOf(): number {
    return 0;
  }

  layoutFor(type: number, shape: readonly number[]): KernelLayout | undefined {
    using context = new Context(8 * this.#api.ggml_tensor_overhead());
    const isBank = shape.length > 2;
    const weight = newTensor(context.pointer, type, shape);
    const x = newTensor(context.pointer, F32, [dimension(shape, 0)]);
    const product = isBank
      ? this.#api.ggml_mul_mat_id(context.pointer, weight, x, newTensor(context.pointer, I32, [1]))
      : this.#api.ggml_mul_mat(context.pointer, weight, x);
    for (const bufferType of this.#extraBufferTypes()) {
      const empty = this.#api.ggml_backend_buft_alloc_buffer(bufferType, 0);
      // The tensor has no data: it is only asked whether this would be supported.
      setBuffer(weight, empty);
      const supported = this.#api.ggml_backend_dev_supports_op(this.#device, product);
      this.#api.ggml_backend_buffer_free(empty);
      if (!supported) continue;
      const bytes = this.#api.ggml_backend_buft_get_alloc_size(bufferType, weight);
      // Experts that did not lie as in the file could not be converted one by one.
      if (isBank && bytes !== last(tensorStrides(weight))) continue;
      return { name: this.#api.ggml_backend_buft_name(bufferType), bufferType, bytes };
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    this.#api.ggml_backend_free(this.#backend);
    const free = this.#call('ggml_threadpool_free', 'void', ['void *']);
    for (const pool of this.#pools.values()) free(pool);
  }

  /** Computes with the pool that spins as `poll` (0-100) says; the threads of the other one sleep. */
  #usePool(poll: number): void {
    if (poll === this.#poll) return;
    const pool = this.#pools.get(poll) ?? this.#newPool(poll);
    this.#pools.set(poll, pool);
    this.#call('ggml_backend_cpu_set_threadpool', 'void', ['void *', 'void *'])(this.#backend, pool);
    this.#poll = poll;
  }

  #newPool(poll: number): Pointer {
    const defaults = loadLibraries().base.func('ggml_threadpool_params_default', threadpoolParams, ['int']);
    const params = { ...defaults(this.threads), poll };
    return this.#call('ggml_threadpool_new', 'void *', [koffi.pointer(threadpoolParams)])(params);
  }

  /** Kinds of memory that the backend has for weights beside plain memory: an array in C that NULL ends. */
  #extraBufferTypes(): readonly Pointer[] {
    const list = this.#call('ggml_backend_dev_get_extra_bufts', 'void *', ['void *'])(this.#device);
    const types: Pointer[] = [];
    for (let i = 0; ; i += 1) {
      const bufferType: Pointer | null = koffi.decode(list, i * 8, 'void *');
      if (!bufferType) return types;
      types.push(bufferType);
    }
  }

  /** A C function that the backend offers by name. */
  #call(name: string, result: string, args: (string | TypeObject)[]): (...values: unknown[]) => Pointer {
    return koffi.decode(this.#address(name), koffi.proto(result, args));
  }

  #address(name: string): Pointer {
    const reg = this.#api.ggml_backend_dev_backend_reg(this.#device);
    return this.#api.ggml_backend_reg_get_proc_address(reg, name);
  }
}
