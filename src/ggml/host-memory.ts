import koffi from 'koffi';
import { alignAddress, alignDown, alignUp } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { loadGgml } from './api.ts';
import { aside } from './aside.ts';
import type { KernelLayout } from './kernel-layout.ts';
import type { Pointer } from './library.ts';
import { type Memory, type SharedBytes, weightsUsage } from './memory.ts';
import { adviseHugePages, pageBytes } from './system.ts';

/**
 * Foreign memory becomes an array in pieces of this size: each one counts as if JavaScript had allocated it, and many
 * make it collect garbage (1200 slices of 32 MiB: 0.7 s). An array holds 4 GiB at most.
 */
const window = 2 ** 30;

/** A page-aligned piece of the process's memory, which the CPU also computes in. */
export class HostMemory implements Memory, SharedBytes {
  readonly bytes: number;
  readonly shared: SharedBytes = this;
  readonly #base: Pointer;
  readonly #buffer: Pointer;
  readonly #windows: Map<number, Uint8Array> = new Map();

  /** Memory of `bytes`, in buffers of the CPU by default. Throws OUT_OF_MEMORY, in which `what` names its use. */
  constructor(bytes: number, what: string, bufferType: Pointer = loadGgml().ggml_backend_cpu_buffer_type()) {
    const api = loadGgml();
    this.bytes = alignUp(bytes, pageBytes);
    this.#buffer = api.ggml_backend_buft_alloc_buffer(bufferType, this.bytes + pageBytes) ?? 0n;
    if (!this.#buffer) throw new EngineError('OUT_OF_MEMORY', { bytes, what });
    api.ggml_backend_buffer_set_usage(this.#buffer, weightsUsage);
    this.#base = alignAddress(api.ggml_backend_buffer_get_base(this.#buffer), pageBytes);
    adviseHugePages(this.#base, this.bytes);
  }

  view(offset: number, length: number): Uint8Array {
    if (length > window) return new Uint8Array(koffi.view(this.address(offset), length));
    const first = Math.floor(offset / window) * window;
    let bytes = this.#windows.get(first);
    if (!bytes) {
      // Views are two windows long, so that one holds all bytes that begin in its first half.
      bytes = new Uint8Array(koffi.view(this.#base + BigInt(first), Math.min(2 * window, this.bytes - first)));
      this.#windows.set(first, bytes);
    }
    return bytes.subarray(offset - first, offset - first + length);
  }

  place(tensor: Pointer, offset: number): void {
    loadGgml().ggml_backend_tensor_alloc(this.#buffer, tensor, this.#base + BigInt(offset));
  }

  address(offset: number): Pointer {
    return this.#base + BigInt(offset);
  }

  read(offset: number, length: number): Uint8Array {
    return this.view(offset, length);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.view(offset, bytes.length).set(bytes);
  }

  clear(): void {
    loadGgml().ggml_backend_buffer_clear(this.#buffer, 0);
  }

  clearAside(): Promise<void> {
    return aside(loadGgml().ggml_backend_buffer_clear, this.#buffer, 0);
  }

  [Symbol.dispose](): void {
    loadGgml().ggml_backend_buffer_free(this.#buffer);
  }
}

/** Memory for one weight in a kernel layout of its own; giving the tensor its data converts it. */
export class LayoutMemory implements Disposable {
  readonly #buffer: Pointer;

  /** Places `tensor`. Throws OUT_OF_MEMORY. */
  constructor(layout: KernelLayout, tensor: Pointer) {
    const api = loadGgml();
    const { bytes } = layout;
    this.#buffer = api.ggml_backend_buft_alloc_buffer(layout.bufferType, bytes) ?? 0n;
    if (!this.#buffer) throw new EngineError('OUT_OF_MEMORY', { bytes, what: 'resident weights' });
    const base = api.ggml_backend_buffer_get_base(this.#buffer);
    const firstPage = alignAddress(base, pageBytes);
    const pages = alignDown(bytes - Number(firstPage - base), pageBytes);
    if (pages > 0) adviseHugePages(firstPage, pages);
    api.ggml_backend_tensor_alloc(this.#buffer, tensor, base);
  }

  [Symbol.dispose](): void {
    loadGgml().ggml_backend_buffer_free(this.#buffer);
  }
}

/** Addresses without memory behind them: graphs built on these can be measured, not computed. */
export class NoMemory implements Pick<Memory, 'place' | 'shared' | 'read' | 'write'>, Disposable {
  readonly shared = undefined;
  readonly #address = BigInt(pageBytes);
  readonly #buffer: Pointer = loadGgml().ggml_backend_cpu_buffer_from_ptr(this.#address, 2 ** 46);

  place(tensor: Pointer): void {
    loadGgml().ggml_backend_tensor_alloc(this.#buffer, tensor, this.#address);
  }

  read(): never {
    throw new RangeError('there are no bytes behind these addresses');
  }

  write(): never {
    throw new RangeError('there are no bytes behind these addresses');
  }

  [Symbol.dispose](): void {
    loadGgml().ggml_backend_buffer_free(this.#buffer);
  }
}
