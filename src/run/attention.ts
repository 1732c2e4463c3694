import { F16, F32, type Graph, type Tensor } from '../ggml/graph.ts';
import { rowBytes } from '../gguf/types.ts';
import { type KvShape, typeNamed } from '../kv/shape.ts';
import type { KvLayer } from '../kv/store.ts';
import type { SpanShape } from './span.ts';

/** Keys (keyLength, rows, kvHeads) or values (valueLength, rows, kvHeads) as far as they are seen. */
export interface SeenHeads {
  readonly tensor: Tensor;
  /** From one head to the next. */
  readonly headBytes: number;
}

/** What a span's queries (keyLength, heads, tokens) are held against. */
interface Seen {
  readonly k: SeenHeads;
  readonly v: SeenHeads;
  readonly mask: Tensor;
  readonly scale: number;
  readonly layer: KvLayer;
}

const f32 = 4;

/** So many queries are taken at once by ggml, but not of quantized keys: each of those is unpacked for each query. */
const tile = 64;

/** Bytes of keys and values that are unpacked at once, as long as that makes no more than so many parts. */
const unpackedBytes = 2 ** 25;
const mostParts = 4;

/** How many of the heads of keys and values are unpacked at once in a layer of `rows`, however many of those are seen. */
export function headsAtOnce({ kvHeads, keyLength, valueLength }: KvShape, rows: number): number {
  const fitting = Math.floor(unpackedBytes / (f32 * (keyLength + valueLength) * rows));
  return Math.min(kvHeads, Math.max(fitting, Math.ceil(kvHeads / mostParts)));
}

/**
 * Attention of a span in one layer: (valueLength * heads, tokens). Many queries see quantized keys and values as float32,
 * some heads at a time: 256 queries over 8192 keys take 84 ms instead of 390.
 */
export function attention(graph: Graph, { kv: { shape }, tokens }: SpanShape, q: Tensor, seen: Seen): Tensor {
  const { k, v, mask, scale, layer } = seen;
  const type = typeNamed(shape.type);
  if (type.id === F16 || tokens < tile) return graph.attention(q, k.tensor, v.tensor, { mask, scale });
  const { kvHeads, keyLength, valueLength } = shape;
  const [, heads = 1] = q.shape;
  const [, rows = 0] = k.tensor.shape;
  const atOnce = headsAtOnce(shape, layer.rows.count);
  const unpacked = ({ tensor, headBytes }: SeenHeads, length: number, from: number, count: number): Tensor =>
    graph.cast(graph.view(tensor, [length, rows, count], [rowBytes(type, length), headBytes], from * headBytes), F32);
  // One query at a time is rounded so before it is held against such keys.
  const rounded = graph.cast(graph.cast(q, typeNamed('q8_0').id), F32);
  let joined: Tensor | undefined;
  for (let from = 0; from < kvHeads; from += atOnce) {
    const count = Math.min(atOnce, kvHeads - from);
    const [own, head] = [(count * heads) / kvHeads, f32 * keyLength];
    const first = (from * heads) / kvHeads;
    const queries = graph.view(rounded, [keyLength, own, tokens], [head, head * heads], first * head);
    const [keys, values] = [unpacked(k, keyLength, from, count), unpacked(v, valueLength, from, count)];
    const part = graph.attention(queries, keys, values, { mask, scale });
    joined = joined ? graph.concat(0, joined, part) : part;
  }
  if (!joined) throw new RangeError('attention needs a head');
  return joined;
}
