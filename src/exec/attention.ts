import { at } from '../base/at.ts';
import { F16, F32, type Graph, type Tensor } from '../ggml/graph.ts';
import { rowBytes } from '../gguf/types.ts';
import type { KvLayer } from '../state/kv-layer.ts';
import { type KvShape, kvTypeOf } from '../state/kv-shape.ts';
import type { StoredLayer, StoredPart } from './kv-pages.ts';
import type { SpanShape } from './span.ts';

/**
 * The keys (keyLength, rows, kvHeads) and values (valueLength, rows, kvHeads) that a span's queries (keyLength, heads,
 * tokens) are held against, as far as they are seen.
 */
interface Seen extends StoredLayer {
  readonly mask: Tensor;
  readonly scale: number;
  readonly layer: Pick<KvLayer, 'rows'>;
}

const f32 = 4;

/** Queries that ggml takes at once, but not with quantized keys: each of those is unpacked for each query. */
const tile = 64;

/** Bytes of keys and values that are unpacked at once, if one head does not take more. */
const unpackedBytes = 2 ** 25;

/** The number of heads that are unpacked at once in a layer of `rows`, however many of these are seen. */
function headsAtOnce(shape: KvShape, rows: number, bytes: number = unpackedBytes): number {
  const { kvHeads, keyLength, valueLength } = shape;
  const fitting = Math.floor(bytes / (f32 * (keyLength + valueLength) * rows));
  return Math.max(1, Math.min(kvHeads, fitting));
}

const unpacks = (shape: KvShape, tokens: number): boolean => kvTypeOf(shape.type).id !== F16 && tokens >= tile;

/** Nodes that unpacking adds to a graph in all layers of a span. */
export function unpackingNodes({ kv: { shape, layers }, tokens }: Pick<SpanShape, 'kv' | 'tokens'>): number {
  if (!unpacks(shape, tokens)) return 0;
  const [once, each] = [2, 8];
  return layers.reduce(
    (sum, { rows }) => sum + once + each * Math.ceil(shape.kvHeads / headsAtOnce(shape, rows.count)),
    0,
  );
}

/**
 * Attention of a span in one layer: (valueLength * heads, tokens). Many queries see quantized keys and values as
 * float32, some heads at a time: 256 queries over 8192 keys take 84 ms instead of 390.
 */
export function attention(
  graph: Graph,
  { kv: { shape }, tokens }: { readonly kv: { readonly shape: KvShape }; readonly tokens: number },
  q: Tensor,
  { k, v, mask, scale, layer }: Seen,
  bytes: number = unpackedBytes,
): Tensor {
  const { kvHeads, keyLength, valueLength } = shape;
  const heads = at(q.shape, 1);
  const joinedHeads = (x: Tensor): Tensor => graph.reshape(x, [valueLength * heads, tokens]);
  if (!unpacks(shape, tokens)) return joinedHeads(graph.attention(q, k.tensor, v.tensor, { mask, scale }));
  const type = kvTypeOf(shape.type);
  const rows = at(k.tensor.shape, 1);
  const unpacked = ({ tensor, headBytes }: StoredPart, length: number, from: number, count: number): Tensor =>
    graph.cast(graph.view(tensor, [length, rows, count], [rowBytes(type, length), headBytes], from * headBytes), F32);
  // Single queries are rounded like this before they are held against such keys.
  const rounded = graph.cast(graph.cast(q, kvTypeOf('q8_0').id), F32);
  const atOnce = headsAtOnce(shape, layer.rows.count, bytes);
  const group = heads / kvHeads;
  const head = f32 * keyLength;
  let joined: Tensor | undefined;
  for (let from = 0; from < kvHeads; from += atOnce) {
    const count = Math.min(atOnce, kvHeads - from);
    const queries = graph.view(rounded, [keyLength, group * count, tokens], [head, head * heads], from * group * head);
    const [keys, values] = [unpacked(k, keyLength, from, count), unpacked(v, valueLength, from, count)];
    const part = graph.attention(queries, keys, values, { mask, scale });
    joined = joined ? graph.concat(1, joined, part) : part;
  }
  if (!joined) throw new RangeError('attention needs a head');
  return joinedHeads(joined);
}
