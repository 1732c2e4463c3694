import { EngineError } from '../base/errors.ts';
import { type Ggml, loadGgml } from './api.ts';
import { Context } from './context.ts';
import { copyOf, viewOf } from './graph-view.ts';
import { loadLibraries, type Pointer } from './library.ts';
import type { NativeArray } from './native-array.ts';
import {
  copyOpParams,
  copyTensor,
  dataAddress,
  placedView,
  setData,
  setDimension,
  setSource,
  sourceOf,
  tensorShape,
  tensorStrides,
} from './tensor-fields.ts';
import { newTensor } from './tensor-set.ts';

const [F32, floatBytes] = [0, 4];

/** Bytes of a slice of a graph, without its nodes: at most a slice for each node. Unused memory is not touched. */
const sliceBytes = 512;

/** The nodes of a graph in the order in which they are computed, and memory for descriptions of them. */
export class NodeGraph implements Disposable {
  /** The most nodes that it can hold. */
  readonly capacity: number;
  readonly pointer: Pointer;
  /** Ggml's context, for tensors that are made. */
  readonly context: Pointer;
  readonly #api: Ggml = loadGgml();
  readonly #memory: Context;
  readonly #views: NativeArray[] = [];
  #nodes = 0;

  /** A graph without nodes, with room for `capacity` of them. Throws OUT_OF_MEMORY. */
  constructor(capacity: number) {
    this.capacity = capacity;
    // Leaves take tensors too, and slices of the graph (see `slice`) take their nodes twice more, and some bytes each.
    const bytes =
      2 * capacity * this.#api.ggml_tensor_overhead() +
      3 * this.#api.ggml_graph_overhead_custom(capacity, false) +
      capacity * sliceBytes;
    this.#memory = new Context(bytes);
    this.context = this.#memory.pointer;
    this.pointer = this.#api.ggml_new_graph_custom(this.context, capacity, false);
  }

  /** Nodes so far. */
  get nodes(): number {
    return this.#nodes;
  }

  /** The nodes in their order. */
  list(): readonly Pointer[] {
    return Array.from({ length: this.#nodes }, (_, i) => this.#api.ggml_graph_node(this.pointer, i));
  }

  /** Adds the next node, whose sources are leaves or nodes before it. Throws UNSUPPORTED_MODEL if there are too many. */
  add(node: Pointer): void {
    this.#append(() => this.#api.ggml_build_forward_expand(this.pointer, node));
  }

  /** Adds a node of another graph as `add` does, without a change to it: it is computed if its flags say so. */
  adopt(node: Pointer): void {
    this.#append(() => this.#api.ggml_build_forward_order(this.pointer, node));
  }

  /** A tensor without data, which is no node. `shape` is in ggml's order. */
  tensor(type: number, shape: readonly number[]): Pointer {
    return newTensor(this.context, type, shape);
  }

  /** A product like `like`, of another matrix: its memory is the caller's. */
  product(like: Pointer, matrix: Pointer): Pointer {
    const product = this.#api.ggml_mul_mat(this.context, matrix, sourceOf(like, 1));
    copyOpParams(like, product);
    return product;
  }

  /** The product `like` as one of another matrix, that of its rows [row, row + rows): written where these are. */
  partOf(like: Pointer, matrix: Pointer, { row, rows }: { readonly row: number; readonly rows: number }): Pointer {
    const part = this.tensor(F32, [1]);
    copyTensor(like, part);
    setDimension(part, 0, rows);
    setSource(part, 0, matrix);
    setData(part, dataAddress(like) + BigInt(row * floatBytes));
    return part;
  }

  /** A view of rows [row, row + rows) of a float32 tensor. */
  rowsOf(tensor: Pointer, { row, rows }: { readonly row: number; readonly rows: number }): Pointer {
    const [, ne1 = 1, ne2 = 1, ne3 = 1] = tensorShape(tensor);
    const [, nb1 = 0, nb2 = 0, nb3 = 0] = tensorStrides(tensor);
    return placedView(
      this.#api.ggml_view_4d(this.context, tensor, rows, ne1, ne2, ne3, nb1, nb2, nb3, row * floatBytes),
    );
  }

  /** A copy of `from` in the memory of `to`. */
  copy(from: Pointer, to: Pointer): Pointer {
    return placedView(this.#api.ggml_cpy(this.context, from, to));
  }

  /** Nodes [from, to) as a graph of their own, to be computed by itself. */
  slice(from: number, to: number): Pointer {
    if (from === 0 && to === this.#nodes) return this.pointer;
    const view = viewOf(this.pointer, from, to);
    if (!view) return copyOf(this.context, this.pointer, from, to);
    this.#views.push(view);
    return view.address;
  }

  /** Fails where other nodes came into the graph than were added. Throws LIBRARY_DIFFERS. */
  check(): void {
    if (this.#api.ggml_graph_n_nodes(this.pointer) === this.#nodes) return;
    throw new EngineError('LIBRARY_DIFFERS', { folder: loadLibraries().folder, what: 'nodes come in another order' });
  }

  #append(build: () => void): void {
    if (this.#nodes === this.capacity) {
      throw new EngineError('UNSUPPORTED_MODEL', { what: `more than ${this.capacity} operations` });
    }
    build();
    this.#nodes += 1;
  }

  [Symbol.dispose](): void {
    for (const view of this.#views) view[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}
