import { ApartMemory } from './apart-memory.ts';
import { type Ggml, loadGgml } from './api.ts';
import type { Device, WeightPart } from './device.ts';
import { deviceMemory, type GpuHandle, type GpuKind } from './gpu-backend.ts';
import { GpuComputing } from './gpu-computing.ts';
import { Graph } from './graph.ts';
import { HostMemory } from './host-memory.ts';
import type { Pointer } from './library.ts';
import type { Memory } from './memory.ts';
import { checkTensorFields } from './tensor-fields.ts';
import { TensorSet } from './tensor-set.ts';
import { WrappedMemory } from './wrapped-memory.ts';

/** The share of a card's free memory that is taken when nobody says: other programs draw with it, too. */
const apartShare = 0.9;

/** Bytes for kernels that a driver compiles once a model wants them. Measured: 37 MiB with llvmpipe. */
const kernelBytes = 64 * 2 ** 20;

/** A device beside the CPU, which it shares memory with or not. */
export class GpuDevice implements Device {
  readonly kind: GpuKind;
  readonly name: string;
  readonly memory: 'host' | 'apart';
  readonly variant = undefined;
  readonly driverGrowth: number = kernelBytes;
  readonly room: number;
  readonly threads: number;
  readonly bufferType: Pointer;
  readonly pointer: Pointer;
  readonly #handle: GpuHandle;
  readonly #api: Ggml;
  readonly #computing: GpuComputing;
  /** A graph of no nodes. */
  readonly #nothing = new Graph(1);
  readonly #before = process.memoryUsage.rss();
  #driverBytes = kernelBytes;

  /**
   * Starts a device of `memory`, by default the one that it is said to have; `threads` of the CPU choose tokens. Throws
   * DEVICE_FAILED.
   */
  constructor(handle: GpuHandle, threads: number, memory: Device['memory'] = handle.memory) {
    checkTensorFields();
    this.#api = loadGgml();
    this.#handle = handle;
    this.kind = handle.kind;
    this.name = handle.name;
    this.pointer = handle.pointer;
    this.memory = memory;
    const { free, total } = deviceMemory(handle);
    this.room = memory === 'apart' ? Math.floor(apartShare * free) : total;
    this.threads = threads;
    this.#computing = new GpuComputing(this.#api, handle);
    this.bufferType = this.#api.ggml_backend_dev_buffer_type(handle.pointer);
  }

  get driverBytes(): number {
    return this.#driverBytes;
  }

  /** Counts as the driver's what the process has grown by since the device was started, and what is to come. */
  countDriver(): void {
    this.#driverBytes = kernelBytes + Math.max(0, process.memoryUsage.rss() - this.#before);
  }

  facts(): object {
    const { kind, name, memory } = this;
    return { kind, name, memory, ...deviceMemory(this.#handle) };
  }

  memoryFor(bytes: number, what: string): Memory {
    return this.memory === 'host'
      ? new WrappedMemory(this.#handle, bytes, what)
      : new ApartMemory(this.bufferType, bytes, what);
  }

  stagingFor(bytes: number, what: string): HostMemory {
    const pinned = this.#api.ggml_backend_dev_host_buffer_type(this.#handle.pointer);
    return new HostMemory(bytes, what, pinned ?? undefined);
  }

  compute(graph: Pointer): Promise<void> {
    return this.#computing.compute(graph);
  }

  computeNow(graph: Pointer): void {
    this.#computing.computeNow(graph);
    this.checkComputed();
  }

  checkComputed(): void {
    if (this.kind === 'metal') this.#computing.computeNow(this.#nothing.pointer);
  }

  supports(node: Pointer): boolean {
    return this.#api.ggml_backend_dev_supports_op(this.#handle.pointer, node);
  }

  layoutFor(): undefined {
    return undefined;
  }

  paddingOf({ weight, shape }: WeightPart): number {
    if (this.memory === 'host') return 0;
    using tensors = new TensorSet(1);
    const tensor = tensors.add(weight.type.id, shape);
    return this.#api.ggml_backend_buft_get_alloc_size(this.bufferType, tensor) - this.#api.ggml_nbytes(tensor);
  }

  [Symbol.dispose](): void {
    this.#computing[Symbol.dispose]();
    this.#nothing[Symbol.dispose]();
  }
}
