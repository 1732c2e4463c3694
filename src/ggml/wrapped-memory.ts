import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import type { GpuHandle } from './gpu-backend.ts';
import { HostMemory } from './host-memory.ts';
import type { Pointer } from './library.ts';
import type { Memory, SharedBytes } from './memory.ts';

const weights = 1; // GGML_BACKEND_BUFFER_USAGE_WEIGHTS

/** Memory of the process that a device computes in, too: bytes are read to where they are computed on. */
export class WrappedMemory implements Memory {
  readonly bytes: number;
  readonly shared: SharedBytes;
  readonly #host: HostMemory;
  readonly #buffer: Pointer;
  /** The address at which the device sees the first byte. */
  readonly #base: Pointer;

  /** Memory of `bytes`. Throws OUT_OF_MEMORY, in which `what` names its use. */
  constructor({ pointer, name }: Pick<GpuHandle, 'pointer' | 'name'>, bytes: number, what: string) {
    const api = loadGgml();
    this.#host = new HostMemory(bytes, what);
    this.shared = this.#host;
    this.bytes = this.#host.bytes;
    const [address, length] = [this.#host.address(0), this.bytes];
    // Devices take whole pages, and no empty range.
    this.#buffer =
      length > 0 ? (api.ggml_backend_dev_buffer_from_host_ptr(pointer, address, length, length) ?? 0n) : 0n;
    if (length > 0 && !this.#buffer) {
      this.#host[Symbol.dispose]();
      throw new EngineError('OUT_OF_MEMORY', { bytes, what: `${what} on ${name}` });
    }
    if (this.#buffer) api.ggml_backend_buffer_set_usage(this.#buffer, weights);
    this.#base = this.#buffer ? api.ggml_backend_buffer_get_base(this.#buffer) : 0n;
  }

  place(tensor: Pointer, offset: number): void {
    loadGgml().ggml_backend_tensor_alloc(this.#buffer, tensor, this.#base + BigInt(offset));
  }

  read(offset: number, length: number): Uint8Array {
    return this.#host.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#host.write(offset, bytes);
  }

  clear(): void {
    this.#host.clear();
  }

  clearAside(): Promise<void> {
    return this.#host.clearAside();
  }

  [Symbol.dispose](): void {
    if (this.#buffer) loadGgml().ggml_backend_buffer_free(this.#buffer);
    this.#host[Symbol.dispose]();
  }
}
