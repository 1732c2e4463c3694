import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import type { GpuHandle } from './gpu-backend.ts';
import { HostMemory } from './host-memory.ts';
import type { Pointer } from './library.ts';
import { weightsUsage } from './memory.ts';

/** Memory of the process that a device computes in, too: bytes are read to where they are computed on. */
export class WrappedMemory extends HostMemory {
  readonly #buffer: Pointer;
  /** The address at which the device sees the first byte. */
  readonly #base: Pointer;

  /** Memory of `bytes`. Throws OUT_OF_MEMORY, in which `what` names its use. */
  constructor({ pointer, name }: Pick<GpuHandle, 'pointer' | 'name'>, bytes: number, what: string) {
    // Devices take whole pages, and no empty range.
    super(Math.max(bytes, 1), what);
    const api = loadGgml();
    this.#buffer = api.ggml_backend_dev_buffer_from_host_ptr(pointer, this.address(0), this.bytes, this.bytes) ?? 0n;
    if (!this.#buffer) {
      super[Symbol.dispose]();
      throw new EngineError('OUT_OF_MEMORY', { bytes, what: `${what} on ${name}` });
    }
    api.ggml_backend_buffer_set_usage(this.#buffer, weightsUsage);
    this.#base = api.ggml_backend_buffer_get_base(this.#buffer);
  }

  override place(tensor: Pointer, offset: number): void {
    loadGgml().ggml_backend_tensor_alloc(this.#buffer, tensor, this.#base + BigInt(offset));
  }

  override [Symbol.dispose](): void {
    loadGgml().ggml_backend_buffer_free(this.#buffer);
    super[Symbol.dispose]();
  }
}
