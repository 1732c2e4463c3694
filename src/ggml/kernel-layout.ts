import { loadGgml } from './api.ts';
import type { Pointer } from './library.ts';
import { bufferOf, setBuffer, setData } from './tensor-fields.ts';

/** A kernel layout other than the file's own: weights are converted to it as they are loaded. */
export interface KernelLayout {
  readonly name: string;
  readonly bufferType: Pointer;
  /** Bytes of the weight in this layout. */
  readonly bytes: number;
}

/** True if a tensor's data lie as they do in the file. */
export const isPlain = (tensor: Pointer): boolean => loadGgml().ggml_backend_buffer_is_host(bufferOf(tensor));

/**
 * Places tensors in a kernel layout at any address, so that memory can be shared with tensors in other layouts: ggml
 * itself places them only within a buffer that it has allocated for that layout alone.
 */
export class LayoutBinder implements Disposable {
  readonly #buffers = new Map<Pointer, Pointer>();

  /** Gives `tensor` its data at `address`, which is aligned to 64 bytes. A tensor is placed once. */
  place({ bufferType }: KernelLayout, tensor: Pointer, address: Pointer): void {
    const api = loadGgml();
    let buffer = this.#buffers.get(bufferType);
    if (buffer === undefined) {
      // A buffer of no bytes would not know its layout.
      buffer = api.ggml_backend_buft_alloc_buffer(bufferType, 64);
      this.#buffers.set(bufferType, buffer);
    }
    setBuffer(tensor, buffer);
    setData(tensor, address);
    api.ggml_backend_buffer_init_tensor(buffer, tensor);
  }

  [Symbol.dispose](): void {
    for (const buffer of this.#buffers.values()) loadGgml().ggml_backend_buffer_free(buffer);
  }
}
