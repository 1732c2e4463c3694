import { at } from '../base/at.ts';
import type { Device } from '../ggml/device.ts';
import { embeddingsIn, placesWithoutHead } from '../ggml/graph-output.ts';
import type { Pointer } from '../ggml/library.ts';
import { LlamaContext, type WholePooling } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import { sourceOf, tensorOp, tensorShape } from '../ggml/tensor-fields.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { elementCount, type Weight } from '../gguf/weight.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { unsupportedNodes } from './check-nodes.ts';
import { manifestOfReads, weightReads } from './llama-weights.ts';

/** Traits of the graphs that libllama builds of a model, whatever the context. */
export interface GraphTraits extends Pick<LlamaModel, 'goesBack' | 'memory' | 'window'> {
  readonly manifest: readonly ManifestEntry[];
  /** Names of the weights that only logits need. */
  readonly head: ReadonlySet<string>;
  /** Whether positions are rotated. */
  readonly rotates: boolean;
  /** Weights whose rows are looked up one by one. */
  readonly lookups: readonly Weight[];
  /** Bytes that kernels work in for each token, and for each token and position of the context that it may see. */
  readonly work: GraphWork;
  /** Operations that the device cannot compute: none of the CPU's. */
  readonly unsupported: readonly string[];
  /** True if a device can compute one text at a time only: products of several may have other shapes. */
  readonly apart: boolean;
}

/** The device that graphs are looked at for. */
export type LookedDevice = Pick<Device, 'kind' | 'name' | 'pointer' | 'bufferType' | 'supports'>;

interface GraphWork {
  readonly token: number;
  readonly position: number;
}

/** Tokens that every context has room for. */
const cells = 256;
/** Tokens of the batches whose graphs are looked at: libllama has others for one token than for several. */
const batches = [17, 1] as const;
/** It may have others where there are several sequences. */
const sequenceCounts = [1, 2] as const;

/**
 * The traits of a model, of which no weight is read: libllama builds its graphs, of whole texts if `pooling` says how their
 * embeddings become one, for a device, by default the CPU. `adapters` are paths of LoRA adapters that they apply. Throws the
 * errors of `LlamaModel` and `LlamaContext`.
 */
export function graphTraits(
  file: ModelFile,
  pooling?: WholePooling,
  device?: LookedDevice,
  adapters: readonly string[] = [],
): GraphTraits {
  using model = new LlamaModel(file, { device });
  for (const path of adapters) model.loadAdapter(path, { described: true });
  const kvType = kvTypeOf('f16').id;
  const works: GraphWork[] = [];
  const body = new Set<string>();
  const unsupported: string[] = [];
  let apart = false;
  let rotates = false;
  const graphs = sequenceCounts.flatMap((sequences) => {
    using context = new LlamaContext(model, {
      cells,
      sequences,
      batch: Math.max(...batches),
      outputs: sequences,
      kvType,
      pooling,
      // Nothing is computed, and deepseek2 without MLA keeps 1.3 GB of so few tokens.
      memory: 'untouched',
    });
    let start = 0;
    const reads = batches.map((count) => {
      const span = { sequence: 0, start, tokens: Array<number>(count).fill(0), outputs: 1 };
      const { nodes, result } = context.collect([span], pooling ? 'embeddings' : 'logits');
      if (!pooling) start += count;
      rotates ||= nodes.some((node) => tensorOp(node) === 'ROPE');
      if (device && model.device) unsupported.push(...unsupportedNodes(device, nodes));
      works.push(workOf(nodes, count, pooling ? count : cells));
      const reads = weightReads(nodes, model.tensors, file.weights);
      const embeddings = pooling ? undefined : embeddingsIn(nodes, result);
      const places = new Set(embeddings === undefined ? nodes.keys() : placesWithoutHead(nodes, embeddings));
      for (const { node, name, role } of reads) if (places.has(node) && role !== 'rows') body.add(name);
      return reads;
    });
    if (device && model.device && sequences > 1 && !pooling && !model.batchesApart) {
      const texts = [start, 0].map((start, sequence) => ({ sequence, start, tokens: [0], outputs: 1 }));
      apart = unsupportedNodes(device, context.collect(texts, 'logits').nodes).length > 0;
    }
    return reads;
  });
  const reads = graphs.flat();
  const lookups = reads.filter(({ role }) => role === 'rows');
  return {
    goesBack: model.goesBack,
    memory: model.memory,
    window: model.window,
    unsupported,
    apart,
    rotates,
    head: new Set(reads.flatMap(({ name }) => (body.has(name) ? [] : [name]))),
    manifest: manifestOfReads(graphs, file.weights, model.tensors.values()),
    lookups: [...new Set(lookups.flatMap(({ name }) => file.weights.get(name) ?? []))],
    work: {
      token: Math.max(...works.map(({ token }) => token)),
      position: Math.max(...works.map(({ position }) => position)),
    },
  };
}

const f32 = 4;
/** Bytes of a pair of a token and a rank in the list of each expert. */
const pairBytes = 8;

/** The work of a graph of `tokens`, each of which may see `seen` others. Products convert what they multiply with, at most to float32; those with experts sort their pairs. */
function workOf(nodes: readonly Pointer[], tokens: number, seen: number): GraphWork {
  let [token, position] = [0, 0];
  for (const node of nodes) {
    const op = tensorOp(node);
    if (op !== 'MUL_MAT' && op !== 'MUL_MAT_ID') continue;
    const x = sourceOf(node, 1);
    const bytes = (f32 * elementCount(tensorShape(x))) / tokens;
    if (tensorOp(x) === 'SOFT_MAX') position = Math.max(position, bytes / seen);
    else if (op === 'MUL_MAT') token = Math.max(token, bytes);
    else {
      const [experts, used] = [at(tensorShape(sourceOf(node, 0)), 2), at(tensorShape(sourceOf(node, 2)), 0)];
      token = Math.max(token, bytes + pairBytes * experts * used);
    }
  }
  return { token, position };
}
