import { EngineError } from '../base/errors.ts';
import type { Ggml } from './api.ts';
import { aside } from './aside.ts';
import type { GpuHandle } from './gpu-backend.ts';
import type { Pointer } from './library.ts';
import { lastLog } from './log.ts';

/** C functions that a backend is used by. */
export type BackendApi = Pick<Ggml, 'ggml_backend_dev_init' | 'ggml_backend_free' | 'ggml_backend_graph_compute'>;

/** A device's backend. Metal's, once a graph has failed, computes nothing any more: another one takes its place then. */
export class GpuComputing implements Disposable {
  readonly #api: BackendApi;
  readonly #handle: Pick<GpuHandle, 'pointer' | 'name'>;
  #backend: Pointer | undefined;

  /** Starts the backend. Throws DEVICE_FAILED. */
  constructor(api: BackendApi, handle: Pick<GpuHandle, 'pointer' | 'name'>) {
    this.#api = api;
    this.#handle = handle;
    this.#started();
  }

  /** Computes a graph; JavaScript goes on meanwhile. Rejects with DEVICE_FAILED. */
  async compute(graph: Pointer): Promise<void> {
    this.#check(await aside(this.#api.ggml_backend_graph_compute, this.#started(), graph));
  }

  /** Computes a small graph. Throws DEVICE_FAILED. */
  computeNow(graph: Pointer): void {
    this.#check(this.#api.ggml_backend_graph_compute(this.#started(), graph));
  }

  #started(): Pointer {
    this.#backend ??= this.#api.ggml_backend_dev_init(this.#handle.pointer, null) || undefined;
    if (this.#backend === undefined) throw this.#failed(lastLog());
    return this.#backend;
  }

  #check(status: number): void {
    if (status === 0) return;
    const error = this.#failed(`status ${status}, ${lastLog()}`);
    this[Symbol.dispose]();
    throw error;
  }

  #failed(reason: string): EngineError {
    return new EngineError('DEVICE_FAILED', { device: this.#handle.name, reason });
  }

  /** Frees the backend; the next graph would start another. */
  [Symbol.dispose](): void {
    if (this.#backend !== undefined) this.#api.ggml_backend_free(this.#backend);
    this.#backend = undefined;
  }
}
