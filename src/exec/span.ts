import { at } from '../base/at.ts';
import { F16, type Graph, I32, I64, type Tensor } from '../ggml/graph.ts';
import { KvStore } from '../state/kv-store.ts';
import { attendedRowCount, type KvRows, readRows } from '../state/rows.ts';
import type { SequenceState } from '../state/sequence-state.ts';

/** Consecutive tokens of one sequence. Prefill, decoding and verification are spans of different lengths. */
export interface Span {
  readonly state: SequenceState;
  /** Number of earlier tokens of the sequence, which its state holds. */
  readonly start: number;
  readonly tokens: readonly number[];
  /** The tokens whose logits, or embeddings, are wanted. */
  readonly logits: 'last' | 'all';
}

/** The properties of a span that a graph of ours depends on; graphs of equal shape are interchangeable. */
export interface SpanShape {
  readonly kv: KvStore;
  readonly tokens: number;
  readonly outputs: number;
  /** Stored rows that attention looks at, by layer. */
  readonly attendedRows: readonly number[];
  /** The first rows, which are read, by layer that lives on the SSD; else 0. */
  readonly reads: readonly number[];
  /** The number of times that stored bytes have been replaced. */
  readonly version: number;
  /** Tokens of the span that are sinks, and copies of the sinks that follow the window first. */
  readonly sinks: number;
  readonly sinkShifts: number;
}

/** The shape of a span of so many tokens, the last of the first `end` of its sequence. */
export function shapeAt(
  kv: KvStore,
  { tokens, outputs, end }: { tokens: number; outputs: number; end: number },
): SpanShape {
  const start = end - tokens;
  const attendedRows = kv.layers.map(({ rows }) => attendedRowCount(rows, end));
  const reads = kv.layers.map(({ rows, parts }, il) =>
    parts.home === 'ssd' ? readRows(rows, at(attendedRows, il), { start, n: tokens }) : 0,
  );
  const sinks = kv.newSinks(start, tokens);
  const sinkShifts = kv.sinkShifts(start, tokens).length;
  return { kv, tokens, outputs, attendedRows, reads, version: kv.version, sinks, sinkShifts };
}

export const shapeOf = ({ state, start, tokens: { length }, logits }: Span): SpanShape =>
  shapeAt(KvStore.of(state), { tokens: length, outputs: logits === 'all' ? length : 1, end: start + length });

const sameShape = (a: SpanShape, b: SpanShape): boolean =>
  (['kv', 'tokens', 'outputs', 'version', 'sinks', 'sinkShifts'] as const).every((key) => a[key] === b[key]) &&
  a.attendedRows.every((rows, il) => rows === b.attendedRows[il]) &&
  a.reads.every((rows, il) => rows === b.reads[il]);

export const sameShapes = (a: readonly SpanShape[], b: readonly SpanShape[]): boolean =>
  a.length === b.length &&
  a.every((shape, i) => {
    const other = b[i];
    return other !== undefined && sameShape(shape, other);
  });

/** A copy of the sinks that follows the window: their positions (sinks), int32, and their rows (sinks), int64. */
export interface SinkShiftInputs {
  readonly positions: Tensor;
  readonly ids: Tensor;
}

/**
 * The inputs of a graph for one span, each made when it is first asked for: an input that nothing reads has no memory.
 */
export class SpanInputs {
  /** Rows that keys and values go to: (tokens), int64. */
  readonly ids: Map<KvRows, Tensor> = new Map();
  /** Masks (attended, tokens), float16: 0 where a token sees a stored one, else -inf. */
  readonly masks: Map<KvRows, Tensor> = new Map();
  /** Numbers of the sinks that the first tokens are: (sinks), int64. */
  sinkIds: Tensor | undefined;
  readonly sinkShifts: SinkShiftInputs[] = [];
  readonly #graph: Graph;
  readonly #shape: SpanShape;

  constructor(graph: Graph, shape: SpanShape) {
    this.#graph = graph;
    this.#shape = shape;
  }

  idsIn(rows: KvRows): Tensor {
    const ids = this.ids.get(rows) ?? this.#graph.input(I64, [this.#shape.tokens]);
    this.ids.set(rows, ids);
    return ids;
  }

  maskOf(rows: KvRows, attended: number): Tensor {
    const mask = this.masks.get(rows) ?? this.#graph.input(F16, [attended, this.#shape.tokens]);
    this.masks.set(rows, mask);
    return mask;
  }

  newSinks(): Tensor {
    this.sinkIds ??= this.#graph.input(I64, [this.#shape.sinks]);
    return this.sinkIds;
  }

  sinkShift(copy: number, sinks: number): SinkShiftInputs {
    const graph = this.#graph;
    const inputs = this.sinkShifts[copy] ?? { positions: graph.input(I32, [sinks]), ids: graph.input(I64, [sinks]) };
    this.sinkShifts[copy] = inputs;
    return inputs;
  }
}
