import { EngineError } from '../base/errors.ts';
import type { Ggml } from './api.ts';
import { aside } from './aside.ts';
import type { GpuHandle } from './gpu-backend.ts';
import type { Pointer } from './library.ts';
import { lastLog } from './log.ts';

/** C functions that a backend is used by. */
export type BackendApi = Pick<Ggml, 'ggml_backend_dev_init' | 'ggml_backend_free' | 'ggml_backend_graph_compute'>;

/** The device of a backend. */
type ComputingDevice = Pick<GpuHandle, 'pointer' | 'name' | 'isSoftware'>;

/**
 * A device's backend. Metal's, once a graph has failed, computes nothing any more: another one takes its place then. On
 * llvmpipe each graph has a backend of its own: Mesa 22.3 uses all memory that a backend was given before, whether a graph
 * does or not, and whether it is still there.
 */
export class GpuComputing implements Disposable {
  readonly #api: BackendApi;
  readonly #device: ComputingDevice;
  #shared: Pointer | undefined;

  /** Starts the backend. Throws DEVICE_FAILED. */
  constructor(api: BackendApi, device: ComputingDevice) {
    this.#api = api;
    this.#device = device;
    this.#shared = this.#start();
  }

  /** Computes a graph; JavaScript goes on meanwhile. Rejects with DEVICE_FAILED. */
  async compute(graph: Pointer): Promise<void> {
    using backend = this.#backend();
    this.#check(await aside(this.#api.ggml_backend_graph_compute, backend.pointer, graph));
  }

  /** Computes a small graph. Throws DEVICE_FAILED. */
  computeNow(graph: Pointer): void {
    using backend = this.#backend();
    this.#check(this.#api.ggml_backend_graph_compute(backend.pointer, graph));
  }

  /** The backend for a graph, to be left after it. */
  #backend(): Disposable & { readonly pointer: Pointer } {
    if (this.#device.isSoftware) {
      const pointer = this.#start();
      return { pointer, [Symbol.dispose]: () => this.#api.ggml_backend_free(pointer) };
    }
    this.#shared ??= this.#start();
    return { pointer: this.#shared, [Symbol.dispose]: () => {} };
  }

  #start(): Pointer {
    const backend = this.#api.ggml_backend_dev_init(this.#device.pointer, null);
    if (!backend) throw this.#failed(lastLog());
    return backend;
  }

  #check(status: number): void {
    if (status === 0) return;
    const error = this.#failed(`status ${status}, ${lastLog()}`);
    this[Symbol.dispose]();
    throw error;
  }

  #failed(reason: string): EngineError {
    return new EngineError('DEVICE_FAILED', { device: this.#device.name, reason });
  }

  [Symbol.dispose](): void {
    if (this.#shared !== undefined) this.#api.ggml_backend_free(this.#shared);
    this.#shared = undefined;
  }
}
