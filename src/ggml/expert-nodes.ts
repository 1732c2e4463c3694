import { at } from '../base/at.ts';
import { loadGgml } from './api.ts';
import { Context } from './context.ts';
import { I32 } from './graph.ts';
import type { Pointer } from './library.ts';
import type { Memory } from './memory.ts';
import {
  copyTensor,
  opParams,
  placedView,
  setFlags,
  setSource,
  sourceOf,
  tensorFlags,
  tensorShape,
  tensorStrides,
} from './tensor-fields.ts';
import { newTensor } from './tensor-set.ts';

/** Tensors of all nodes that are made between two calls of `clear`: two rounds of three matrices take a third. */
const capacity = 256;

/** A place in memory that a tensor can have. */
export interface TensorPlace {
  readonly memory: Pick<Memory, 'place'>;
  readonly offset: number;
}

/** A list of int32 numbers in memory. */
export interface IndexList extends TensorPlace {
  readonly length: number;
}

/** A product of MUL_MAT_ID (rows, used, tokens) of inputs (width, inputs, tokens). */
export interface ExpertProductShape {
  readonly width: number;
  readonly rows: number;
  readonly used: number;
  readonly tokens: number;
  /** Inputs of a token: one for each expert that it uses, or one for all. */
  readonly inputs: number;
}

export function expertProductShape(node: Pointer): ExpertProductShape {
  const [rows, used, tokens] = tensorShape(node) as [number, number, number];
  const [width, inputs] = tensorShape(sourceOf(node, 1)) as [number, number];
  return { width, rows, used, tokens, inputs };
}

/** True if the rows of a product, and those of its inputs, lie one after the other, so that they can be gathered. */
export const hasEvenRows = (node: Pointer): boolean =>
  [node, sourceOf(node, 1)].every((tensor) => rowStride(tensor) !== undefined);

/** Bytes from one row to the next of a tensor of three dimensions; undefined if they differ. */
function rowStride(tensor: Pointer): number | undefined {
  const [shape, strides] = [tensorShape(tensor), tensorStrides(tensor)];
  const [inner, outer] = [at(shape, 1), at(shape, 2)];
  if (inner === 1) return at(strides, 2);
  return outer === 1 || at(strides, 2) === inner * at(strides, 1) ? at(strides, 1) : undefined;
}

/**
 * Nodes that compute products of MUL_MAT_ID on experts in slots, to be put in a graph in place of the product's own node:
 * they write to its data, and change nothing of it.
 */
export class ExpertNodes implements Disposable {
  readonly #memory: Context = new Context(capacity * loadGgml().ggml_tensor_overhead());

  /** Forgets all nodes: they are not computed any more. */
  clear(): void {
    loadGgml().ggml_reset(this.#memory.pointer);
  }

  /** The whole product `node` over `slots` (in, out, slots), with the slot of each expert in the place of its number. */
  overSlots(node: Pointer, slots: Pointer, list: IndexList): Pointer {
    const { used, tokens } = expertProductShape(node);
    const copy = newTensor(this.#memory.pointer, I32, [1]);
    copyTensor(node, copy);
    setSource(copy, 0, slots);
    setSource(copy, 2, this.#indices(list, [used, tokens]));
    return copy;
  }

  /** The input rows `from` of the product `node`, gathered at `to` as (in, 1, pairs). */
  gather(node: Pointer, from: IndexList, to: TensorPlace): Pointer {
    const { width, inputs, tokens } = expertProductShape(node);
    const rows = this.#rows(sourceOf(node, 1), [width, inputs * tokens]);
    const gathered = loadGgml().ggml_get_rows(this.#memory.pointer, rows, this.#indices(from, [from.length]));
    return this.#computed(gathered, to);
  }

  /** The product of gathered inputs with the experts in `slots`, those that `list` says, at `to` as (out, 1, pairs). */
  multiply(
    node: Pointer,
    { slots, list }: { slots: Pointer; list: IndexList },
    gathered: Pointer,
    to: TensorPlace,
  ): Pointer {
    const api = loadGgml();
    const pairs = list.length;
    const { width } = expertProductShape(node);
    const x = placedView(api.ggml_reshape_3d(this.#memory.pointer, gathered, width, 1, pairs));
    const product = api.ggml_mul_mat_id(this.#memory.pointer, slots, x, this.#indices(list, [1, pairs]));
    const [from, params] = [opParams(node), opParams(product)];
    for (let i = 0; i < from.byteLength; i += 4) params.setInt32(i, from.getInt32(i, true), true);
    return this.#computed(product, to);
  }

  /** Writes the rows of `product` to the rows `to` of `node`. */
  scatter(node: Pointer, product: Pointer, to: IndexList): Pointer {
    const { rows, used, tokens } = expertProductShape(node);
    const api = loadGgml();
    const results = placedView(api.ggml_reshape_2d(this.#memory.pointer, product, rows, to.length));
    const target = this.#rows(node, [rows, used * tokens]);
    const indices = this.#indices(to, [to.length]);
    const written = placedView(api.ggml_set_rows(this.#memory.pointer, target, results, indices));
    setFlags(written, tensorFlags.compute);
    return written;
  }

  /** All rows of a tensor as a matrix. */
  #rows(tensor: Pointer, [width, rows]: readonly [number, number]): Pointer {
    const stride = rowStride(tensor);
    if (stride === undefined) throw new Error('rows lie apart');
    return placedView(loadGgml().ggml_view_2d(this.#memory.pointer, tensor, width, rows, stride, 0));
  }

  #indices({ memory, offset }: IndexList, shape: readonly number[]): Pointer {
    const tensor = newTensor(this.#memory.pointer, I32, shape);
    memory.place(tensor, offset);
    return tensor;
  }

  /** Backends skip nodes without the flag. */
  #computed(node: Pointer, { memory, offset }: TensorPlace): Pointer {
    memory.place(node, offset);
    setFlags(node, tensorFlags.compute);
    return node;
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }
}
