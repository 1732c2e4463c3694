import { dimension } from '../gguf/weight.ts';
import { type Ggml, loadGgml } from './api.ts';
import type { Pointer } from './library.ts';
import { NodeGraph } from './node-graph.ts';
import type { Rope } from './rope.ts';

/** A node or leaf of a graph. `shape` is in ggml's order (first dimension contiguous), trailing ones left out. */
export interface Tensor {
  readonly pointer: Pointer;
  readonly shape: readonly number[];
}

/** A tensor of rows [row, row + rows) of a weight, as graphs read them and the ring holds them. */
export interface SliceTensor extends Tensor {
  /** The slice's index in the plan. */
  readonly slice: number;
}

/** A weight in a graph: one slice, or several that together are its rows. */
export interface WeightTensor {
  readonly shape: readonly number[];
  readonly slices: readonly SliceTensor[];
}

/** A use: slice `slice` is read by node `node`. */
export interface WeightUse {
  readonly slice: number;
  readonly node: number;
}

/** ggml's element types that graphs handle by name. */
export const F32 = 0;
export const F16 = 1;
export const I32 = 26;
export const I64 = 27;

/** True if attention of `queries` to `keys` is divided by the number of threads: so are one's keys, and tiles of many. */
export const attentionDivides = (queries: number, keys: number): boolean =>
  queries === 1 ? keys >= 512 : queries >= 64;

/**
 * A ggml graph under construction. Every operation becomes a node at once, so the order of the nodes is the order of
 * the calls; each use of a weight is recorded with its node. Ggml aborts the process on shapes that do not fit: callers
 * check the file's numbers before they get here.
 */
export class Graph implements Disposable {
  readonly uses: WeightUse[] = [];
  /** Nodes whose results depend in their last bits on the number of threads that compute them. */
  readonly threadBound: number[] = [];
  /** Bytes of scratch memory that the largest operation may take beside the tensors. */
  scratchBytes = 0;
  readonly #api: Ggml = loadGgml();
  readonly #nodes: NodeGraph;
  readonly #context: Pointer;

  /** An empty graph with room for `capacity` nodes. Throws OUT_OF_MEMORY. */
  constructor(capacity = 20480) {
    this.#nodes = new NodeGraph(capacity);
    this.#context = this.#nodes.context;
  }

  get pointer(): Pointer {
    return this.#nodes.pointer;
  }

  /** Operations so far. */
  get nodes(): number {
    return this.#nodes.nodes;
  }

  /** The nodes in their order. */
  list(): readonly Pointer[] {
    return this.#nodes.list();
  }

  /** A tensor to be filled before the graph runs. */
  input(type: number, shape: readonly number[]): Tensor {
    const pointer = this.#nodes.tensor(type, shape);
    this.#api.ggml_set_input(pointer);
    return { pointer, shape };
  }

  /** Keeps `x` readable after the graph has run. */
  output(x: Tensor): Tensor {
    this.#api.ggml_set_output(x.pointer);
    return x;
  }

  /** Nodes [from, to) as a graph of their own, to be computed by itself. */
  slice(from: number, to: number): Pointer {
    return this.#nodes.slice(from, to);
  }

  /** Product of w (in, out) and x (in, n) -> (out, n). A weight in slices is multiplied slice by slice. */
  matmul(w: WeightTensor, x: Tensor): Tensor {
    const columns = dimension(x.shape, 1);
    // Kernels convert x to the type that their weight is multiplied with; none is wider than float32.
    this.scratchBytes = Math.max(this.scratchBytes, 4 * dimension(x.shape, 0) * columns);
    let product: Tensor | undefined;
    for (const slice of w.slices) {
      const rows = dimension(slice.shape, 1);
      const part = this.#node(this.#api.ggml_mul_mat(this.#context, slice.pointer, x.pointer), [rows, columns]);
      this.#use(slice);
      product = product ? this.concat(0, product, part) : part;
    }
    return product ?? x;
  }

  /** Multiplies each n elements of x in a row by the Hadamard matrix h (n, n). */
  hadamard(h: Tensor, x: Tensor): Tensor {
    const n = dimension(h.shape, 0);
    const columns = x.shape.reduce((a, b) => a * b, 1) / n;
    const pointer = this.#api.ggml_mul_mat(this.#context, h.pointer, this.reshape(x, [n, columns]).pointer);
    this.#api.ggml_mul_mat_set_hint(pointer, 1); // GGML_HINT_SRC0_IS_HADAMARD
    return this.reshape(this.#node(pointer, [n, columns]), x.shape);
  }

  /** Multiplies element by element, `w` repeated over the columns of `x`. */
  mulWeight(x: Tensor, w: WeightTensor): Tensor {
    return this.#withWeight(w, (slice) => this.#node(this.#api.ggml_mul(this.#context, x.pointer, slice), x.shape));
  }

  /** Adds the bias `w` to every column of `x`. */
  addWeight(x: Tensor, w: WeightTensor): Tensor {
    return this.#withWeight(w, (slice) => this.#node(this.#api.ggml_add(this.#context, x.pointer, slice), x.shape));
  }

  add(a: Tensor, b: Tensor): Tensor {
    return this.#node(this.#api.ggml_add(this.#context, a.pointer, b.pointer), a.shape);
  }

  scale(x: Tensor, s: number): Tensor {
    return this.#node(this.#api.ggml_scale(this.#context, x.pointer, s), x.shape);
  }

  tanh(x: Tensor): Tensor {
    return this.#node(this.#api.ggml_tanh(this.#context, x.pointer), x.shape);
  }

  rmsNorm(x: Tensor, epsilon: number): Tensor {
    return this.#node(this.#api.ggml_rms_norm(this.#context, x.pointer, epsilon), x.shape);
  }

  /** Rows `ids` of a (width, n) -> (width, ids), as float32. */
  rows(a: Tensor, ids: Tensor): Tensor {
    const shape = [dimension(a.shape, 0), dimension(ids.shape, 0)];
    return this.#node(this.#api.ggml_get_rows(this.#context, a.pointer, ids.pointer), shape);
  }

  /** Writes the columns of `b` (width, n, ...) to the rows `ids` (n, int64) of `a`, converting to a's type. */
  setRows(a: Tensor, b: Tensor, ids: Tensor): void {
    this.#node(this.#api.ggml_set_rows(this.#context, a.pointer, b.pointer, ids.pointer), a.shape);
  }

  /** The gated activation silu(gate) * up. */
  swiglu(gate: Tensor, up: Tensor): Tensor {
    return this.#node(this.#api.ggml_swiglu_split(this.#context, gate.pointer, up.pointer), gate.shape);
  }

  /** The gated activation gelu(gate) * up. */
  geglu(gate: Tensor, up: Tensor): Tensor {
    return this.#node(this.#api.ggml_geglu_split(this.#context, gate.pointer, up.pointer), gate.shape);
  }

  /** The gated activation silu(first half) * second half of x (2n, columns) -> (n, columns). */
  swigluFused(x: Tensor): Tensor {
    const shape = [dimension(x.shape, 0) / 2, dimension(x.shape, 1)];
    return this.#node(this.#api.ggml_swiglu(this.#context, x.pointer), shape);
  }

  /** Joins two tensors along dimension `dim`. */
  concat(dim: number, a: Tensor, b: Tensor): Tensor {
    const shape = a.shape.map((n, i) => (i === dim ? n + dimension(b.shape, i) : n));
    return this.#node(this.#api.ggml_concat(this.#context, a.pointer, b.pointer, dim), shape);
  }

  /** Reshapes to two or three dimensions. */
  reshape(x: Tensor, shape: readonly number[]): Tensor {
    const [api, ne0, ne1] = [this.#api, dimension(shape, 0), dimension(shape, 1)];
    if (shape.length === 2) return this.#node(api.ggml_reshape_2d(this.#context, x.pointer, ne0, ne1), shape);
    return this.#node(api.ggml_reshape_3d(this.#context, x.pointer, ne0, ne1, dimension(shape, 2)), shape);
  }

  /** A copy of `x` without gaps between its rows. */
  contiguous(x: Tensor): Tensor {
    return this.#node(this.#api.ggml_cont(this.#context, x.pointer), x.shape);
  }

  /** A copy of `x` as `type`: from float32, or to it. */
  cast(x: Tensor, type: number): Tensor {
    return this.#node(this.#api.ggml_cast(this.#context, x.pointer, type), x.shape);
  }

  /** A window on x of two or three dimensions; strides (from the second dimension on) and offset are bytes. */
  view(x: Tensor, shape: readonly number[], strides: readonly number[], offset: number): Tensor {
    const [ne0, ne1, ne2] = [dimension(shape, 0), dimension(shape, 1), dimension(shape, 2)];
    const [nb1, nb2] = [dimension(strides, 0), dimension(strides, 1)];
    const pointer =
      shape.length === 2
        ? this.#api.ggml_view_2d(this.#context, x.pointer, ne0, ne1, nb1, offset)
        : this.#api.ggml_view_3d(this.#context, x.pointer, ne0, ne1, ne2, nb1, nb2, offset);
    return this.#node(pointer, shape);
  }

  /** Rotates x (head, heads, tokens) by `positions` (tokens); `factors` (dims / 2) divide the frequencies. */
  rope(x: Tensor, positions: Tensor, rope: Rope, factors?: WeightTensor): Tensor {
    const slice = factors?.slices[0];
    const rotated = this.#node(
      this.#api.ggml_rope_ext(
        this.#context,
        x.pointer,
        positions.pointer,
        slice?.pointer ?? 0n,
        rope.dims,
        rope.mode,
        rope.originalContext,
        rope.base,
        rope.scale,
        rope.extFactor,
        rope.attnFactor,
        rope.betaFast,
        rope.betaSlow,
      ),
      x.shape,
    );
    if (slice) this.#use(slice);
    return rotated;
  }

  /** A view of x (head, heads, n) as (head, n, heads). */
  byHead(x: Tensor): Tensor {
    const [head, heads, n] = [dimension(x.shape, 0), dimension(x.shape, 1), dimension(x.shape, 2)];
    return this.#node(this.#api.ggml_permute(this.#context, x.pointer, 0, 2, 1, 3), [head, n, heads]);
  }

  /**
   * Attention softmax(scale * q k' + mask) v, grouped heads included. q (head, heads, n), k (head, m, kvHeads) and v
   * (valueHead, m, kvHeads) -> (valueHead, heads, n); mask (m, n) is float16: 0 or -inf.
   */
  attention(q: Tensor, k: Tensor, v: Tensor, options: { mask: Tensor; scale: number }): Tensor {
    const [heads, n, valueHead] = [dimension(q.shape, 1), dimension(q.shape, 2), dimension(v.shape, 0)];
    const pointer = this.#api.ggml_flash_attn_ext(
      this.#context,
      this.byHead(q).pointer,
      k.pointer,
      v.pointer,
      options.mask.pointer,
      options.scale,
      0,
      0,
    );
    this.#api.ggml_flash_attn_ext_set_prec(pointer, 10); // GGML_PREC_F32
    const attended = this.#node(pointer, [valueHead, heads, n]);
    if (attentionDivides(n, dimension(k.shape, 1))) this.threadBound.push(this.nodes - 1);
    return attended;
  }

  [Symbol.dispose](): void {
    this.#nodes[Symbol.dispose]();
  }

  #node(pointer: Pointer, shape: readonly number[]): Tensor {
    // The operation's inputs are part of the graph already: it adds itself and nothing else.
    this.#nodes.add(pointer);
    return { pointer, shape };
  }

  #use(slice: SliceTensor): void {
    this.uses.push({ slice: slice.slice, node: this.nodes - 1 });
  }

  #withWeight(w: WeightTensor, make: (slice: Pointer) => Tensor): Tensor {
    const [slice] = w.slices;
    if (!slice || w.slices.length > 1) throw new Error('a weight that is not multiplied as a matrix cannot be cut');
    const result = make(slice.pointer);
    this.#use(slice);
    return result;
  }
}
