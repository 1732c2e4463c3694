import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import type { Pointer } from './library.ts';

/**
 * Ggml's memory for descriptions of tensors and graphs, not for their data. Pages that are not used are not touched.
 */
export class Context implements Disposable {
  readonly pointer: Pointer;
  readonly #buffer: Pointer;

  /** A context of `bytes`. Throws OUT_OF_MEMORY: ggml itself would abort the process. */
  constructor(bytes: number) {
    const api = loadGgml();
    this.#buffer = api.ggml_backend_buft_alloc_buffer(api.ggml_backend_cpu_buffer_type(), bytes) ?? 0n;
    if (!this.#buffer) throw new EngineError('OUT_OF_MEMORY', { bytes, what: 'the graph' });
    const memory = api.ggml_backend_buffer_get_base(this.#buffer);
    this.pointer = api.ggml_init({ mem_size: bytes, mem_buffer: memory, no_alloc: true });
  }

  [Symbol.dispose](): void {
    const api = loadGgml();
    api.ggml_free(this.pointer);
    api.ggml_backend_buffer_free(this.#buffer);
  }
}
