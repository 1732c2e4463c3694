import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import { aside } from './aside.ts';
import type { Pointer } from './library.ts';
import { type Memory, weightsUsage } from './memory.ts';
import { TensorSet } from './tensor-set.ts';

const i8 = 24; // GGML_TYPE_I8

/** Memory of a device that the process does not see. */
export class ApartMemory implements Memory {
  readonly bytes: number;
  readonly shared = undefined;
  readonly #buffer: Pointer;
  readonly #base: Pointer;
  readonly #tensors: TensorSet;
  /** All bytes as a tensor: ggml copies to tensors only. */
  readonly #all: Pointer;

  /** Memory of `bytes`. Throws OUT_OF_MEMORY, in which `what` names its use. */
  constructor(bufferType: Pointer, bytes: number, what: string) {
    const api = loadGgml();
    // There is no empty buffer.
    this.bytes = Math.max(bytes, 1);
    this.#buffer = api.ggml_backend_buft_alloc_buffer(bufferType, this.bytes) ?? 0n;
    if (!this.#buffer) throw new EngineError('OUT_OF_MEMORY', { bytes, what: `${what} on the device` });
    api.ggml_backend_buffer_set_usage(this.#buffer, weightsUsage);
    this.#base = api.ggml_backend_buffer_get_base(this.#buffer);
    this.#tensors = new TensorSet(1);
    this.#all = this.#tensors.add(i8, [this.bytes]);
    api.ggml_backend_tensor_alloc(this.#buffer, this.#all, this.#base);
  }

  place(tensor: Pointer, offset: number): void {
    loadGgml().ggml_backend_tensor_alloc(this.#buffer, tensor, this.#base + BigInt(offset));
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (length > 0) loadGgml().ggml_backend_tensor_get(this.#all, bytes, offset, length);
    return bytes;
  }

  write(offset: number, bytes: Uint8Array): Promise<void> {
    return aside(loadGgml().ggml_backend_tensor_set, this.#all, bytes, offset, bytes.length);
  }

  clear(): void {
    loadGgml().ggml_backend_buffer_clear(this.#buffer, 0);
  }

  [Symbol.dispose](): void {
    this.#tensors[Symbol.dispose]();
    loadGgml().ggml_backend_buffer_free(this.#buffer);
  }
}
