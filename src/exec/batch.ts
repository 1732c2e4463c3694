import type { Batch, Projections } from '../arch/architecture.ts';
import { at, last } from '../base/at.ts';
import { F32, type Graph, I32, type Tensor } from '../ggml/graph.ts';
import { rowBytes } from '../gguf/types.ts';
import { dimension, type Weight } from '../gguf/weight.ts';
import type { KvLayer } from '../state/kv-layer.ts';
import { type KvShape, kvTypeOf } from '../state/kv-shape.ts';
import { sinkShiftTokens } from '../state/rows.ts';
import { attention } from './attention.ts';
import { hadamardSizes } from './hadamard.ts';
import type { KvPages, StoredLayer, StoredPart } from './kv-pages.ts';
import { findWeight } from './slice-tensors.ts';
import { SpanInputs, type SpanShape } from './span.ts';

/** A span's part of a layer: its own tokens among those of the batch. */
interface SpanLayer {
  readonly span: SpanShape;
  readonly inputs: SpanInputs;
  readonly layer: KvLayer;
  /** Keys and values of the layer, as stored. */
  readonly stored: StoredLayer;
  readonly own: (x: Tensor) => Tensor;
}

/** A tensor with the elements of each row Hadamard-rotated in groups of `n`. */
type Rotated = (n: number) => Tensor;

/** The inputs of a graph for the tokens at hand. */
export class BatchInputs implements Batch {
  readonly maxDistance: number;
  readonly tokens: number;
  readonly outputCount: number;
  readonly positions: Tensor;
  readonly spans: readonly SpanShape[];
  /** Inputs by span. */
  readonly inputs: readonly SpanInputs[];
  /** The embedding rows (width, tokens) in the weight's own type, and their numbers: the input of the first stage. */
  embedding: { weight: Weight; rows: Tensor; order: Tensor } | undefined;
  /** Numbers of the tokens whose logits are wanted, (outputs), int32; undefined for all tokens. */
  outputIds: Tensor | undefined;
  /** Hadamard matrices (n, n), float32, by n. */
  readonly hadamards: Map<number, Tensor> = new Map();
  readonly #graph: Graph;
  readonly #weights: ReadonlyMap<string, Weight>;
  readonly #pages: KvPages | undefined;

  /** Inputs in `graph`; `pages` holds keys and values that live on the SSD. */
  constructor(graph: Graph, weights: ReadonlyMap<string, Weight>, spans: readonly SpanShape[], pages?: KvPages) {
    this.#graph = graph;
    this.#weights = weights;
    this.#pages = pages;
    this.spans = spans;
    this.tokens = spans.reduce((n, span) => n + span.tokens, 0);
    this.outputCount = spans.reduce((n, span) => n + span.outputs, 0);
    this.maxDistance = Math.max(
      ...spans.flatMap(({ kv }) => kv.layers.map((layer) => maxDistanceIn(layer, kv.shape.context))),
    );
    this.positions = graph.input(I32, [this.tokens]);
    this.inputs = spans.map((span) => new SpanInputs(graph, span));
  }

  embed(name: string, shape: readonly number[]): Tensor {
    const weight = findWeight(this.#weights, name, shape);
    const rows = this.#graph.input(weight.type.id, [at(shape, 0), this.tokens]);
    const order = this.#graph.input(I32, [this.tokens]);
    this.embedding = { weight, rows, order };
    return this.#graph.rows(rows, order);
  }

  attend(il: number, projected: Projections, scale: number): Tensor {
    const [q, v] = [this.#rotatedOnce(projected.q), this.#rotatedOnce(projected.v)];
    const k = this.#rotatedOnce(projected.rotate(projected.k, this.positions));
    let column = 0;
    let joined: Tensor | undefined;
    for (const [i, span] of this.spans.entries()) {
      const [inputs, layer] = [at(this.inputs, i), at(span.kv.layers, il)];
      const from = column;
      const own = (x: Tensor): Tensor => this.#columns(x, from, span.tokens);
      const part = {
        span,
        inputs,
        layer,
        stored: this.#seen(span, il, this.#stored(i, il, layer, span.kv.shape)),
        own,
      };
      if (layer.sinks) this.#storeSinks(part, projected);
      const attended = this.#attended(part, { q, k, v, scale, il });
      this.#pages?.leave(i, il, this.#graph.nodes);
      joined = joined ? this.#graph.concat(1, joined, attended) : attended;
      column += span.tokens;
    }
    if (!joined) throw new RangeError('a batch needs a span');
    return joined;
  }

  outputs(x: Tensor): Tensor {
    if (this.outputCount === this.tokens) return x;
    this.outputIds ??= this.#graph.input(I32, [this.outputCount]);
    return this.#graph.rows(x, this.outputIds);
  }

  /** The stored keys and values of a span's layer, wherever they live. */
  #stored(span: number, il: number, { rows, parts }: KvLayer, { type, keyLength, valueLength }: KvShape): StoredLayer {
    if (parts.home === 'ram') {
      const part = (tensor: Tensor, length: number): StoredPart => ({
        tensor,
        headBytes: rows.count * rowBytes(kvTypeOf(type), length),
      });
      return { k: part(parts.k, keyLength), v: part(parts.v, valueLength) };
    }
    if (!this.#pages) throw new RangeError('there are no pages for what lives on the SSD');
    return this.#pages.enter(span, il, this.#graph.nodes);
  }

  /** The stored rows that a span sees. */
  #seen({ kv: { shape }, attendedRows }: SpanShape, il: number, { k, v }: StoredLayer): StoredLayer {
    const part = ({ tensor, headBytes }: StoredPart, length: number): StoredPart => {
      const strides = [rowBytes(kvTypeOf(shape.type), length), headBytes];
      return { tensor: this.#graph.view(tensor, [length, at(attendedRows, il), shape.kvHeads], strides, 0), headBytes };
    };
    return { k: part(k, shape.keyLength), v: part(v, shape.valueLength) };
  }

  /** Stores k, which is rotated, and v, and attends to the stored rows: (valueLength * heads, tokens). */
  #attended(
    { span, inputs, layer, stored, own }: SpanLayer,
    { q, k, v, scale, il }: { q: Rotated; k: Rotated; v: Rotated; scale: number; il: number },
  ): Tensor {
    const graph = this.#graph;
    const { shape } = span.kv;
    const sizes = hadamardSizes(shape);
    const ids = inputs.idsIn(layer.rows);
    graph.setRows(stored.k.tensor, graph.byHead(own(k(sizes.key))), ids);
    graph.setRows(stored.v.tensor, this.#byHead(own(v(sizes.value)), shape.valueLength), ids);
    const mask = inputs.maskOf(layer.rows, at(span.attendedRows, il));
    return this.#rotated(attention(graph, span, own(q(sizes.key)), { ...stored, layer, mask, scale }), sizes.value);
  }

  /** Stores sinks as they are, and rotates copies that must follow the window to where they appear. */
  #storeSinks({ span, inputs, layer, stored, own }: SpanLayer, { k, v, rotate }: Projections): void {
    const { sinks } = layer;
    if (!sinks) return;
    const graph = this.#graph;
    const { shape } = span.kv;
    if (span.sinks > 0) {
      const first = (x: Tensor): Tensor => this.#columns(x, 0, span.sinks, span.tokens);
      graph.setRows(sinks.k, first(this.#flat(own(graph.contiguous(k)))), inputs.newSinks());
      graph.setRows(sinks.v, first(own(v)), inputs.newSinks());
    }
    const sizes = hadamardSizes(shape);
    const count = at(sinks.k.shape, 1);
    for (let copy = 0; copy < span.sinkShifts; copy += 1) {
      const { positions, ids } = inputs.sinkShift(copy, count);
      const turned = rotate(graph.reshape(sinks.k, [shape.keyLength, shape.kvHeads, count]), positions);
      graph.setRows(stored.k.tensor, graph.byHead(this.#rotated(turned, sizes.key)), ids);
      graph.setRows(stored.v.tensor, this.#byHead(this.#rotated(sinks.v, sizes.value), shape.valueLength), ids);
    }
  }

  /** Reshapes (head * heads, n) -> (head, n, heads). */
  #byHead(x: Tensor, head: number): Tensor {
    const heads = dimension(x.shape, 0) / head;
    return this.#graph.byHead(this.#graph.reshape(x, [head, heads, dimension(x.shape, 1)]));
  }

  /** Reshapes (head, heads, n) -> (head * heads, n). */
  #flat(x: Tensor): Tensor {
    return this.#graph.reshape(x, [dimension(x.shape, 0) * dimension(x.shape, 1), dimension(x.shape, 2)]);
  }

  /** Rotated versions of x, each made once: the sequences of a batch may store different types. */
  #rotatedOnce(x: Tensor): Rotated {
    const made = new Map<number, Tensor>();
    return (n) => {
      const rotated = made.get(n) ?? this.#rotated(x, n);
      made.set(n, rotated);
      return rotated;
    };
  }

  /** Rotates each `n` elements of x in a row by a Hadamard matrix; doing it twice undoes it. Returns x where n is 1. */
  #rotated(x: Tensor, n: number): Tensor {
    if (n === 1) return x;
    const matrix = this.hadamards.get(n) ?? this.#graph.input(F32, [n, n]);
    this.hadamards.set(n, matrix);
    return this.#graph.hadamard(matrix, x);
  }

  /** Columns [from, from + count) of a contiguous float32 tensor whose last dimension is `all`. */
  #columns(x: Tensor, from: number, count: number, all: number = this.tokens): Tensor {
    if (count === all) return x;
    const f32 = 4;
    const inner = x.shape.slice(0, -1);
    const strides = inner.map((_, i) => inner.slice(0, i + 1).reduce((a, b) => a * b, f32));
    return this.#graph.view(x, [...inner, count], strides, from * last(strides));
  }
}

/** The largest distance, in positions, between a token and one that it sees. */
const maxDistanceIn = ({ rows: { window } }: KvLayer, context: number): number =>
  window ? Math.min(context, window.tokens + window.sinks + sinkShiftTokens) : context;
