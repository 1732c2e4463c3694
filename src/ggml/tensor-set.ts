import { dimension } from '../gguf/weight.ts';
import { loadGgml } from './api.ts';
import { Context } from './context.ts';
import type { Pointer } from './library.ts';

/** Tensors that outlive graphs: weights, KV. They have no memory until they are placed in some. */
export class TensorSet implements Disposable {
  readonly #context: Context;

  /** A set of at most `capacity` tensors. Throws OUT_OF_MEMORY. */
  constructor(capacity: number) {
    this.#context = new Context(capacity * loadGgml().ggml_tensor_overhead());
  }

  add(type: number, shape: readonly number[]): Pointer {
    return newTensor(this.#context.pointer, type, shape);
  }

  [Symbol.dispose](): void {
    this.#context[Symbol.dispose]();
  }
}

/** A tensor without memory in `context`. `shape` is in ggml's order. */
export function newTensor(context: Pointer, type: number, shape: readonly number[]): Pointer {
  return loadGgml().ggml_new_tensor_4d(
    context,
    type,
    dimension(shape, 0),
    dimension(shape, 1),
    dimension(shape, 2),
    dimension(shape, 3),
  );
}
