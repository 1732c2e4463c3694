import { at } from '../base/at.ts';
import { writeTensor } from '../ggml/data.ts';
import { attentionDivides, I32, type SliceTensor } from '../ggml/graph.ts';
import { isPlain } from '../ggml/kernel-layout.ts';
import type { Pointer } from '../ggml/library.ts';
import type { CollectedGraph } from '../ggml/llama-context.ts';
import { NodeGraph } from '../ggml/node-graph.ts';
import { setFlags, setSource, sourceOf, tensorFlags, tensorOp, tensorShape } from '../ggml/tensor-fields.ts';
import type { LlamaScratch } from './llama-scratch.ts';
import type { WeightRead } from './llama-weights.ts';

/** A weight's rows are looked up by the numbers that `ids` hold when `node` is computed. */
export interface Lookup {
  readonly node: number;
  readonly weight: string;
  readonly ids: Pointer;
  readonly count: number;
  /** The tensor that the rows have to be put into, one after the other. */
  readonly rows: Pointer;
  /** True if the numbers are results of nodes before. */
  readonly computed: boolean;
}

/** The weights that a graph is to read. */
export interface GraphWeights {
  /** The tensors of a weight's slices, in order of their rows; none of a weight whose rows are looked up. */
  slicesOf(weight: string): readonly SliceTensor[];
  readonly scratch: Pick<LlamaScratch, 'products' | 'rowsOf'>;
  /** True if products can be written to any address: by the CPU's kernels. */
  readonly writesAnywhere: boolean;
}

/**
 * A graph of libllama's whose weights are the slices of a plan. Where a weight is one slice, the node that multiplies with
 * it has that as its source; where it is several, a node for each writes its part of the result. Rows that are looked up
 * are put in a tensor of their own.
 */
export class LlamaGraph implements Disposable {
  readonly source: CollectedGraph;
  readonly nodes: NodeGraph;
  /** Reads of slices by nodes. */
  readonly uses: { readonly slice: number; readonly node: number }[] = [];
  readonly lookups: Lookup[] = [];
  /** Nodes whose last bits depend on the number of threads. */
  readonly threadBound: number[] = [];
  readonly #weights: GraphWeights;
  /** Sources that libllama's nodes had. */
  readonly #sources: { readonly node: Pointer; readonly index: number; readonly source: Pointer }[] = [];

  /** Throws OUT_OF_MEMORY, LIBRARY_DIFFERS. */
  constructor(source: CollectedGraph, reads: readonly WeightRead[], weights: GraphWeights) {
    this.source = source;
    this.#weights = weights;
    const slices = reads.reduce((sum, { name }) => sum + weights.slicesOf(name).length, 0);
    // A slice takes three nodes at most; there are no more leaves than nodes.
    this.nodes = new NodeGraph(2 * source.nodes.length + 3 * slices);
    const readsOf = new Map<number, WeightRead[]>();
    for (const read of reads) readsOf.set(read.node, [...(readsOf.get(read.node) ?? []), read]);
    try {
      for (const [i, node] of source.nodes.entries()) {
        const reads = readsOf.get(i);
        if (reads) this.#adopt(node, at(source.flags, i), reads);
        else this.#add(node);
        if (dividesByThreads(node)) this.threadBound.push(this.nodes.nodes - 1);
      }
      this.nodes.check();
    } catch (error) {
      this.undo();
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Gives libllama's nodes back the sources and flags that they had: before it goes on with them, or others do. */
  undo(): void {
    for (const { node, index, source } of this.#sources) setSource(node, index, source);
    for (const [i, node] of this.source.nodes.entries()) setFlags(node, at(this.source.flags, i));
  }

  /** Adds a node that reads weights, or nodes in its place. */
  #adopt(node: Pointer, flags: number, reads: readonly WeightRead[]): void {
    for (const { name, role } of reads) if (role === 'rows') this.#lookUp(node, name);
    const matrix = reads.find(({ role }) => role === 'matrix');
    const slices = matrix ? this.#weights.slicesOf(matrix.name) : [];
    const [only] = slices;
    if (only && slices.length === 1) this.#setSource(node, 0, only.pointer);
    // The parts are the result.
    if (slices.length > 1) setFlags(node, flags & ~tensorFlags.compute);
    this.#add(node);
    if (slices.length > 1) this.#multiply(node, flags, slices);
    else for (const { slice } of slices) this.#use(slice);
    for (const { name, role } of reads) {
      if (role === 'whole') for (const { slice } of this.#weights.slicesOf(name)) this.#use(slice);
    }
  }

  /** Multiplies with the slices of a weight, each into its rows of `product`. */
  #multiply(product: Pointer, flags: number, slices: readonly SliceTensor[]): void {
    const oneColumn = tensorShape(product)
      .slice(1)
      .every((n) => n === 1);
    let row = 0;
    for (const { pointer, shape, slice } of slices) {
      const range = { row, rows: at(shape, 1) };
      // Kernels of other layouts than the file's write columns without gaps between them only, and those of devices may
      // want rows to begin at multiples of 256 bytes.
      if (isPlain(pointer) || (oneColumn && this.#weights.writesAnywhere)) {
        this.#add(this.nodes.partOf(product, pointer, range), flags);
        this.#use(slice);
      } else {
        const aside = this.nodes.product(product, pointer);
        this.#weights.scratch.products.place(aside, 0);
        this.#add(aside, flags);
        this.#use(slice);
        const place = this.nodes.rowsOf(product, range);
        this.#add(place, flags);
        this.#add(this.nodes.copy(aside, place), flags);
      }
      row += range.rows;
    }
  }

  /** Has the rows put into a tensor and looks them up there, one after the other. */
  #lookUp(node: Pointer, weight: string): void {
    const ids = sourceOf(node, 1);
    const count = at(tensorShape(ids), 0);
    const { weight: source, memory, numbers } = this.#weights.scratch.rowsOf(weight);
    const rows = this.nodes.tensor(source.type.id, [at(source.shape, 0), count]);
    memory.place(rows, 0);
    const order = this.nodes.tensor(I32, [count]);
    memory.place(order, numbers);
    writeTensor(
      order,
      Int32Array.from({ length: count }, (_, i) => i),
    );
    this.#setSource(node, 0, rows);
    this.#setSource(node, 1, order);
    const computed = tensorOp(ids) !== 'NONE';
    this.lookups.push({ node: this.nodes.nodes, weight, ids, count, rows, computed });
  }

  #add(node: Pointer, flags?: number): void {
    if (flags !== undefined) setFlags(node, flags);
    this.nodes.adopt(node);
  }

  /** Records that the last node reads a slice. */
  #use(slice: number): void {
    this.uses.push({ slice, node: this.nodes.nodes - 1 });
  }

  #setSource(node: Pointer, index: number, source: Pointer): void {
    this.#sources.push({ node, index, source: sourceOf(node, index) });
    setSource(node, index, source);
  }

  [Symbol.dispose](): void {
    this.nodes[Symbol.dispose]();
  }
}

/** True if the last bits of a node's result depend on the number of threads that compute it. */
function dividesByThreads(node: Pointer): boolean {
  if (tensorOp(node) !== 'FLASH_ATTN_EXT') return false;
  const [queries, keys] = [tensorShape(sourceOf(node, 0)), tensorShape(sourceOf(node, 1))];
  return attentionDivides(at(queries, 1), at(keys, 1));
}
