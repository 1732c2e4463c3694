import { loadGgml } from './api.ts';
import type { Pointer } from './library.ts';

/** Tensors that outlive graphs: weights, KV. They have no memory until they are placed in some. */
export class TensorSet implements Disposable {
  readonly #context: Pointer;

  constructor(capacity: number) {
    const api = loadGgml();
    const bytes = capacity * api.ggml_tensor_overhead();
    this.#context = api.ggml_init({ mem_size: bytes, mem_buffer: null, no_alloc: true });
  }

  add(type: number, shape: readonly number[]): Pointer {
    return newTensor(this.#context, type, shape);
  }

  [Symbol.dispose](): void {
    loadGgml().ggml_free(this.#context);
  }
}

const at = (shape: readonly number[], dim: number): number => shape[dim] ?? 1;

/** A tensor without memory in `context`. `shape` is in ggml's order. */
export function newTensor(context: Pointer, type: number, shape: readonly number[]): Pointer {
  return loadGgml().ggml_new_tensor_4d(context, type, at(shape, 0), at(shape, 1), at(shape, 2), at(shape, 3));
}
