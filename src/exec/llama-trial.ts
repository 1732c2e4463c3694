import { wholePooling } from '../arch/encoders.ts';
import { EngineError } from '../base/errors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Device, GraphDevice } from '../ggml/device.ts';
import type { Pointer } from '../ggml/library.ts';
import type { LlamaSpan } from '../ggml/llama-batch.ts';
import { LlamaContext, type LlamaContextOptions, type WholePooling } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import { NodeGraph } from '../ggml/node-graph.ts';
import {
  flagsOf,
  setData,
  setFlags,
  sourcesOf,
  tensorFlags,
  tensorName,
  tensorOp,
  viewSourceOf,
} from '../ggml/tensor-fields.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import { kvTypes } from '../plan/kv-options.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { refuseNodes } from './check-nodes.ts';
import { graphTraits } from './llama-measure.ts';

const [prompt, outputs] = [17, 3];
/** A small context, whose graphs are those of larger ones. */
const small: LlamaContextOptions = {
  cells: 256,
  sequences: 2,
  batch: prompt,
  outputs,
  kvType: kvTypeOf('f16').id,
  memory: 'untouched',
};
/** Cells beyond which only numbers grow; libllama takes 48 bytes for each. */
const mostCells = 2 ** 17;

/** Sequences of 8 texts whose states are copied. */
const manySequences = 24;
/** Bytes of the largest weight that is computed with; larger ones are factors of products. */
const mostWeightBytes = 2 ** 26;

/**
 * Has libllama load a model without its weights and build the graphs of whatever passes there are, and computes these
 * but for products with weights: libllama and kernels end the process on some metadata. Throws GRAPH_FAILED,
 * METADATA_MISSING, MISSING_TENSOR, WRONG_SHAPE, LIBRARY_MISSING. With `adapters`, paths of files of LoRA adapters, graphs are those that
 * apply all of them; ADAPTER_UNSUITABLE is thrown for one that none applies whole.
 */
export function buildAllGraphs(file: ModelFile, adapters: readonly string[] = []): void {
  // One that is measured only has not compared its weights with the file's.
  using model = new LlamaModel(file);
  for (const path of adapters) model.loadAdapter(path, { described: true });
  const pooling = wholePooling(file.metadata);
  measureContexts(file, pooling);
  using device = new CpuDevice(1);
  using zeros = device.memoryFor(mostWeightBytes, 'weights of zeros');
  for (const [tensor, name] of model.tensors) {
    if (bytesOf(file, name) <= mostWeightBytes) setData(tensor, zeros.address(0));
  }
  using context = new LlamaContext(model, { ...small, pooling });
  const applied = new Set<string>();
  for (const spans of pooling ? wholeTexts : passes) {
    const { nodes } = context.collect(spans, pooling ? 'embeddings' : 'logits');
    using graph = new NodeGraph(nodes.length);
    for (const node of nodes) {
      graph.adopt(node);
      for (const source of adapterSources(node, model)) applied.add(tensorName(source));
    }
    const left = nodes.filter((node) => needsWeights(node, model, file)).map((node) => [node, flagsOf(node)] as const);
    for (const [node, flags] of left) setFlags(node, flags & ~tensorFlags.compute);
    device.computeNow(graph.pointer);
    for (const [node, flags] of left) setFlags(node, flags);
  }
  for (const path of adapters) checkApplied(path, applied, file);
}

/**
 * Has libllama build a model's graphs for a device: it ends the process where what a text leaves behind lies there and an
 * operation on it is missing. `adapters` are paths of LoRA adapters that they apply. Throws DEVICE_UNSUITABLE, OUT_OF_MEMORY, and
 * the errors of `LlamaModel` and `LlamaContext`.
 */
export function buildForDevice(file: ModelFile, device: Device, adapters: readonly string[] = []): void {
  const pooling = wholePooling(file.metadata);
  measureContexts(file, pooling, device);
  refuseNodes(device, graphTraits(file, pooling, device, adapters).unsupported);
}

/** The matrices of adapters that a node reads. */
const adapterSources = (node: Pointer, { tensors }: LlamaModel): readonly Pointer[] =>
  sourcesOf(node).filter((source) => /\.lora_[ab]$/.test(tensorName(source)) && !tensors.has(source));

/** Throws ADAPTER_UNSUITABLE where a matrix of an adapter is not among those `applied`: libllama passes over it. */
function checkApplied(path: string, applied: ReadonlySet<string>, { metadata }: ModelFile): void {
  for (const name of openModelFile(path).weights.keys()) {
    if (applied.has(name)) continue;
    const what = `libllama's graphs of architecture "${metadata.string('general.architecture')}" do not apply ${name}`;
    throw new EngineError('ADAPTER_UNSUITABLE', { file: path, what });
  }
}

/** Is it a product with a weight, or another operation on a large one, or on one of an adapter? */
function needsWeights(node: Pointer, model: LlamaModel, file: ModelFile): boolean {
  const { tensors } = model;
  if (adapterSources(node, model).length > 0) return true;
  const weights = sourcesOf(node).flatMap((source) => tensors.get(source) ?? tensors.get(viewSourceOf(source)) ?? []);
  const isProduct = tensorOp(node).startsWith('MUL_MAT');
  return weights.some((name) => isProduct || bytesOf(file, name) > mostWeightBytes);
}

const bytesOf = ({ weights }: ModelFile, name: string): number => {
  const weight = weights.get(name);
  if (!weight) throw new EngineError('MISSING_TENSOR', { tensor: name });
  return weight.extent.length;
};

/** Makes contexts of all kinds, for which libllama builds its largest graphs. */
function measureContexts(file: ModelFile, pooling: WholePooling | undefined, device?: GraphDevice): void {
  const { metadata } = file;
  const trained = metadata.number(`${metadata.string('general.architecture')}.context_length`);
  using model = new LlamaModel(file, { measured: true, device });
  const make = (options: Partial<LlamaContextOptions>) =>
    new LlamaContext(model, { ...small, pooling, ...options })[Symbol.dispose]();
  make({ cells: Math.min(Math.max(trained, small.cells), mostCells), sequences: 4, batch: 512 });
  make({ sequences: manySequences, batch: manySequences });
  for (const type of pooling ? [] : kvTypes) {
    try {
      make({ kvType: kvTypeOf(type).id });
    } catch (error) {
      // Rows that are not whole blocks of a type are refused where that type is asked for.
      if (type === 'f16' || !(error instanceof EngineError)) throw error;
    }
  }
}

const span = (sequence: number, start: number, tokens: number, outputs: number): LlamaSpan => ({
  sequence,
  start,
  // The one token that every vocabulary has.
  tokens: Array<number>(tokens).fill(0),
  outputs,
});

/** A prompt, one token, and two sequences at once: states that cannot be cut want spans of one length. */
const passes: readonly (readonly LlamaSpan[])[] = [
  [span(0, 0, prompt, outputs)],
  [span(0, prompt, 1, 1)],
  [span(1, 0, 1, 1)],
  [span(0, prompt + 1, 1, 1), span(1, 1, 1, 1)],
];

/** A text, one token, and two texts at once. */
const wholeTexts: readonly (readonly LlamaSpan[])[] = [
  [span(0, 0, prompt, 1)],
  [span(0, 0, 1, 1)],
  [span(0, 0, 1, 1), span(1, 0, prompt - 1, 1)],
];
