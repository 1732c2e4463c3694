import { alignUp } from '../base/bytes.ts';
import { F16, F32, type Graph, I32, I64, type Tensor } from '../ggml/graph.ts';
import { rowBytes } from '../gguf/types.ts';
import type { Weight } from '../gguf/weight.ts';
import { type KvStore, typeNamed } from '../kv/store.ts';
import type { Batch } from '../model/architecture.ts';
import { mixedElements } from './mixing.ts';
import { findWeight } from './weights.ts';

/** Consecutive tokens of one sequence. Prefill, decoding and verification are spans of different lengths. */
export interface Span {
  readonly kv: KvStore;
  /** Tokens of the sequence that came before, whose keys and values are stored. */
  readonly start: number;
  readonly tokens: readonly number[];
  /** Whose logits are asked for. */
  readonly logits: 'last' | 'all';
}

/** Keys are attended to in groups, so that a graph serves more than one step. */
const kvGroup = 256;

/** What a graph depends on of its spans; graphs of equal shape are interchangeable. */
export interface SpanShape {
  readonly kv: KvStore;
  readonly tokens: number;
  readonly outputs: number;
  /** Stored tokens that attention looks at. */
  readonly reach: number;
}

export const shapeOf = (span: Span): SpanShape => ({
  kv: span.kv,
  tokens: span.tokens.length,
  outputs: span.logits === 'all' ? span.tokens.length : 1,
  reach: Math.min(span.kv.shape.context, alignUp(span.start + span.tokens.length, kvGroup)),
});

interface SpanInputs {
  /** (tokens), int64: the rows of the store that keys and values go to. */
  readonly ids: Tensor;
  /** (reach, tokens), float16: 0 where a token sees a stored one, else -inf. One per window in use. */
  readonly masks: Map<number, Tensor>;
}

/** The tokens at hand, as inputs of a graph. */
export class BatchInputs implements Batch {
  readonly context: number;
  readonly tokens: number;
  readonly outputCount: number;
  readonly positions: Tensor;
  readonly spans: readonly SpanShape[];
  readonly inputs: readonly SpanInputs[];
  /** The embedding rows (width, tokens) in the weight's own type, and their numbers: the input of the first stage. */
  embedding: { weight: Weight; rows: Tensor; order: Tensor } | undefined;
  /** (outputs), int32, unless all tokens are asked for. */
  outputIds: Tensor | undefined;
  /** Hadamard matrices (n, n), float32, by n. */
  readonly mixers: Map<number, Tensor> = new Map();
  readonly #graph: Graph;
  readonly #weights: ReadonlyMap<string, Weight>;

  constructor(graph: Graph, weights: ReadonlyMap<string, Weight>, spans: readonly SpanShape[]) {
    this.#graph = graph;
    this.#weights = weights;
    this.spans = spans;
    this.tokens = spans.reduce((n, span) => n + span.tokens, 0);
    this.outputCount = spans.reduce((n, span) => n + span.outputs, 0);
    this.context = spans[0]?.kv.shape.context ?? 0;
    this.positions = graph.input(I32, [this.tokens]);
    this.inputs = spans.map((span) => ({ ids: graph.input(I64, [span.tokens]), masks: new Map() }));
  }

  embed(name: string, shape: readonly number[]): Tensor {
    const weight = findWeight(this.#weights, name, shape);
    const rows = this.#graph.input(weight.type.id, [shape[0] ?? 1, this.tokens]);
    const order = this.#graph.input(I32, [this.tokens]);
    this.embedding = { weight, rows, order };
    return this.#graph.rows(rows, order);
  }

  attend(
    layer: number,
    { q, k, v }: { q: Tensor; k: Tensor; v: Tensor },
    { scale, window }: { scale: number; window: number },
  ): Tensor {
    const graph = this.#graph;
    const mix = mixedElements(this.spans[0]?.kv.shape);
    const [queries, keys, values] = [this.#mix(q, mix.key), this.#mix(k, mix.key), this.#mix(v, mix.value)];
    let column = 0;
    let joined: Tensor | undefined;
    for (const [i, span] of this.spans.entries()) {
      const inputs = this.inputs[i];
      const store = span.kv.layers[layer];
      if (!inputs || !store) throw new RangeError(`no layer ${layer} in the KV store`);
      const own = (x: Tensor): Tensor => this.#columns(x, column, span.tokens);
      const { keyLength, valueLength, kvHeads } = span.kv.shape;
      const type = typeNamed(span.kv.shape.type);

      graph.setRows(store.k, own(graph.reshape(keys, [keyLength * kvHeads, this.tokens])), inputs.ids);
      graph.setRows(store.v, own(values), inputs.ids);
      const stored = (x: Tensor, length: number): Tensor => {
        const strides = [rowBytes(type, length), rowBytes(type, length * kvHeads)];
        return graph.view(x, [length, kvHeads, span.reach], strides, 0);
      };
      const mask = this.#mask(inputs, span, window);
      const attended = graph.attention(own(queries), stored(store.k, keyLength), stored(store.v, valueLength), {
        mask,
        scale,
      });
      joined = joined ? graph.concat(1, joined, attended) : attended;
      column += span.tokens;
    }
    if (!joined) throw new RangeError('a batch needs a span');
    return this.#mix(joined, mix.value);
  }

  outputs(x: Tensor): Tensor {
    if (this.outputCount === this.tokens) return x;
    this.outputIds ??= this.#graph.input(I32, [this.outputCount]);
    return this.#graph.rows(x, this.outputIds);
  }

  /** Each `n` elements of x in a row, mixed with one another; doing it twice undoes it. As it is where n is 1. */
  #mix(x: Tensor, n: number): Tensor {
    if (n === 1) return x;
    const mixer = this.mixers.get(n) ?? this.#graph.input(F32, [n, n]);
    this.mixers.set(n, mixer);
    return this.#graph.hadamard(mixer, x);
  }

  #mask(inputs: SpanInputs, span: SpanShape, window: number): Tensor {
    const mask = inputs.masks.get(window) ?? this.#graph.input(F16, [span.reach, span.tokens]);
    inputs.masks.set(window, mask);
    return mask;
  }

  /** The last dimension's [from, from + count) of a contiguous float32 tensor. */
  #columns(x: Tensor, from: number, count: number): Tensor {
    if (this.spans.length === 1) return x;
    const f32 = 4;
    const inner = x.shape.slice(0, -1);
    const strides = inner.map((_, i) => inner.slice(0, i + 1).reduce((a, b) => a * b, f32));
    return this.#graph.view(x, [...inner, count], strides, from * (strides.at(-1) ?? f32));
  }
}
