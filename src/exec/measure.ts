import type { Stage } from '../arch/architecture.ts';
import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import { measureGraph } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { Graph } from '../ggml/graph.ts';
import { NoMemory } from '../ggml/host-memory.ts';
import type { Pointer } from '../ggml/library.ts';
import type { Weight } from '../gguf/weight.ts';
import { rowsBytes } from '../pager/rows.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import type { Slice } from '../plan/slices.ts';
import type { KvShape } from '../state/kv-shape.ts';
import { KvStore } from '../state/kv-store.ts';
import { refuseNodes, unsupportedNodes } from './check-nodes.ts';
import { build, graphCapacity } from './own-program.ts';
import { Manifest, SliceTensors, weightsOf } from './slice-tensors.ts';
import { shapeAt } from './span.ts';

/** A model as its header describes it. */
export interface GraphOutline {
  readonly stages: readonly Stage[];
  readonly weights: ReadonlyMap<string, Weight>;
  readonly kv: KvShape;
}

/**
 * The weights that the model's graph reads, in order of first use: the graph is built once, without memory. Throws
 * MISSING_TENSOR, WRONG_SHAPE, UNSUPPORTED_TENSOR_TYPE.
 */
export function manifestOf(outline: GraphOutline): readonly ManifestEntry[] {
  using memory = new NoMemory();
  using kv = new KvStore(outline.kv, memory);
  using graph = new Graph();
  using manifest = new Manifest(outline.weights, (tensor) => memory.place(tensor.pointer));
  const span = shapeAt(kv, { tokens: 1, outputs: 1, end: outline.kv.context });
  build(graph, outline.stages, { weights: manifest.weights, file: outline.weights }, [span]);
  return manifest.entries;
}

/** Throws DEVICE_UNSUITABLE, with the operations that a device cannot compute, of one token and of many. */
export function checkNodes(outline: GraphOutline, device: Pick<Device, 'name' | 'supports'>): void {
  using memory = new NoMemory();
  using kv = new KvStore(outline.kv, memory);
  const unsupported = [1, 64].flatMap((tokens) => {
    using graph = new Graph();
    using manifest = new Manifest(outline.weights, (tensor) => memory.place(tensor.pointer));
    const span = shapeAt(kv, { tokens: Math.min(tokens, outline.kv.context), outputs: 1, end: outline.kv.context });
    build(graph, outline.stages, { weights: manifest.weights, file: outline.weights }, [span]);
    return unsupportedNodes(device, graph.list());
  });
  refuseNodes(device, unsupported);
}

/**
 * Bytes of a pass at the end of the context, beside weights and KV: `tokens` of one sequence, and of each of the
 * `parallel` ones one token and `ahead` draft tokens, with their logits; with `embedsAll` also of embeddings of all tokens.
 */
export function computeBytes(
  outline: GraphOutline,
  slices: readonly Slice[],
  tokens: number,
  {
    threads,
    bufferType,
    parallel = 1,
    ahead = 0,
    embedsAll = false,
  }: {
    threads: number;
    /** The kind of the device's buffers; default: the CPU's. */
    bufferType?: Pointer;
    parallel?: number;
    ahead?: number;
    embedsAll?: boolean;
  },
): number {
  using memory = new NoMemory();
  using kv = new KvStore(outline.kv, memory);
  using made = new SliceTensors(slices, (_, tensor) => memory.place(tensor.pointer));
  const weights = weightsOf(outline.weights, slices, made.tensors);
  const end = outline.kv.context;
  const decoded = 1 + ahead;
  const others = Array.from({ length: parallel - 1 }, () => shapeAt(kv, { tokens: decoded, outputs: decoded, end }));
  const spans = [shapeAt(kv, { tokens: Math.max(tokens, decoded), outputs: decoded, end }), ...others];
  const model = { weights, file: outline.weights };
  using graph = new Graph(graphCapacity(spans));
  const { inputs, result } = build(graph, outline.stages, model, spans);
  using owner = new Disposer();
  const graphs = [graph];
  if (embedsAll) {
    const embedding = owner.use(new Graph(graphCapacity(spans)));
    const all = spans.map((span) => ({ ...span, outputs: span.tokens }));
    build(embedding, outline.stages.slice(0, -1), model, all);
    graphs.push(embedding);
  }
  const working = Math.max(...graphs.map((one) => measureGraph(one, bufferType) + one.scratchBytes));
  const largestMask = 2 * Math.max(...kv.layers.map(({ rows }) => rows.count)) * inputs.tokens;
  const rows = inputs.embedding ? rowsBytes(inputs.embedding.weight) : 0;
  const choosing = choosingBytes(at(result.shape, 0), { parallel, ahead });
  return working + largestMask + rows + choosing + threads * threadBytes;
}

/**
 * Bytes per token of the vocabulary: its candidate, and the sampler's copy of that; and for each position its logit.
 */
const candidateBytes = 12 + 12;
const logitBytes = 4;

/** Bytes for choosing tokens of a vocabulary: of each of the `parallel` sequences, one and `ahead` draft tokens. */
export const choosingBytes = (vocabulary: number, { parallel, ahead }: { parallel: number; ahead: number }): number =>
  parallel * (candidateBytes + (1 + ahead) * logitBytes) * vocabulary;

/** Attention's scratch memory per thread. */
export const threadBytes: number = 2 ** 20;
