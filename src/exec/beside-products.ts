import { wholePooling } from '../arch/encoders.ts';
import { at } from '../base/at.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { Graph } from '../ggml/graph.ts';
import { NoMemory } from '../ggml/host-memory.ts';
import type { Pointer } from '../ggml/library.ts';
import { LlamaContext } from '../ggml/llama-context.ts';
import { LlamaModel } from '../ggml/llama-model.ts';
import { sharedBytes } from '../ggml/memory.ts';
import { NodeGraph } from '../ggml/node-graph.ts';
import { flagsOf, setData, setFlags, sourceOf, tensorFlags, tensorOp } from '../ggml/tensor-fields.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { kvTypeOf } from '../state/kv-shape.ts';
import { KvStore } from '../state/kv-store.ts';
import { writeInputs } from './inputs.ts';
import { weightReads } from './llama-weights.ts';
import type { GraphOutline } from './measure.ts';
import { build } from './own-program.ts';
import { isPatient, lowerQuarter, repeatedSeconds } from './repeated.ts';
import { Manifest } from './slice-tensors.ts';
import { shapeOf } from './span.ts';

/** Times that the operations are computed: a token takes a few milliseconds of them. */
const repetitions = { count: 12 };
/** Earlier tokens of the text: a prompt of a usual length. */
const start = 512;
/** Tokens that there is room for then, and for those that are computed. */
export const measuredContext = 768;
/** Bytes of the largest weight that is there, as zeros; operations on larger ones, rows of embeddings, are left out. */
const mostWeightBytes = 2 ** 22;

/**
 * Seconds of a token's operations that are no products with weights, in graphs of our own: as many as a token has behind
 * a prompt, computed on whatever products would have left. `outline` has the measured context. Throws OUT_OF_MEMORY.
 */
export async function secondsBesideProducts(outline: GraphOutline, device: Device): Promise<number> {
  using kv = KvStore.allocate(outline.kv, device);
  using zeros = device.memoryFor(mostWeightBytes, 'a measurement');
  zeros.clear();
  // Nothing is computed with matrices, which are nowhere.
  using nowhere = new NoMemory();
  const matrices = new Set<Pointer>();
  using manifest = new Manifest(outline.weights, ({ pointer, shape }) => {
    if (shape.length === 1) return zeros.place(pointer, 0);
    matrices.add(pointer);
    nowhere.place(pointer);
  });
  using graph = new Graph();
  const span = { state: kv, start, tokens: [0], logits: 'last' } as const;
  const model = { weights: manifest.weights, file: outline.weights };
  const { inputs } = build(graph, outline.stages, model, [shapeOf(span)]);
  using allocator = new GraphAllocator(device.bufferType);
  allocator.allocate(graph);
  const products = graph.list().filter((node) => isProduct(node) && matrices.has(sourceOf(node, 0)));
  for (const node of products) setFlags(node, flagsOf(node) & ~tensorFlags.compute);
  // Later operations overwrite inputs.
  const prepare = (): void => writeInputs(inputs, [span]);
  return await repeatedSeconds(device, graph.pointer, { ...repetitions, prepare });
}

/** The same of a graph of libllama's, which it has built for this file before. Throws the errors of `LlamaModel`, GRAPH_FAILED. */
export async function secondsBesideLlamaProducts(file: ModelFile, device: Device): Promise<number> {
  using model = new LlamaModel(file);
  using zeros = device.memoryFor(mostWeightBytes, 'a measurement');
  zeros.clear();
  const small = [...model.tensors].filter(([, name]) => bytesOf(file, name) <= mostWeightBytes);
  for (const [tensor] of small) setData(tensor, sharedBytes(zeros).address(0));
  const { metadata } = file;
  const pooling = wholePooling(metadata);
  const kvType = kvTypeOf('f16').id;
  // Some models have a learnt vector for each position, and none behind those.
  const trained = metadata.number(`${metadata.string('general.architecture')}.context_length`);
  const earlier = Math.max(1, Math.min(start, trained - repetitions.count - 1));
  const options = {
    cells: measuredContext,
    sequences: 1,
    batch: earlier,
    outputs: 1,
    kvType,
    pooling,
    memory: 'untouched',
  } as const;
  using context = new LlamaContext(model, options);
  const spanOf = (from: number, tokens: number) => ({
    sequence: 0,
    start: from,
    tokens: Array(tokens).fill(0),
    outputs: 1,
  });
  context.collect([spanOf(0, earlier)], 'logits');
  const there = new Set(small.map(([, name]) => name));
  const seconds: number[] = [];
  // Libllama writes the inputs as it collects a graph; later operations overwrite them.
  const began = performance.now();
  for (let i = 0; i <= repetitions.count && isPatient(i - 1, began); i += 1) {
    const { nodes } = context.collect([spanOf(earlier + i, 1)], 'logits');
    const left = weightReads(nodes, model.tensors, file.weights).filter(
      ({ role, name }) => role === 'matrix' || role === 'experts' || !there.has(name),
    );
    seconds.push(await secondsWithout(new Set(left.map(({ node }) => at(nodes, node))), nodes, device));
  }
  return lowerQuarter(seconds.slice(1));
}

/** Seconds of computing `nodes` without some of them. */
async function secondsWithout(left: ReadonlySet<Pointer>, nodes: readonly Pointer[], device: Device): Promise<number> {
  using graph = new NodeGraph(nodes.length);
  for (const node of nodes) graph.adopt(node);
  const flags = [...left].map((node) => [node, flagsOf(node)] as const);
  for (const [node, before] of flags) setFlags(node, before & ~tensorFlags.compute);
  const began = performance.now();
  try {
    await device.compute(graph.pointer);
  } finally {
    for (const [node, before] of flags) setFlags(node, before);
  }
  return (performance.now() - began) / 1000;
}

const isProduct = (node: Pointer): boolean => tensorOp(node).startsWith('MUL_MAT');

const bytesOf = ({ weights }: ModelFile, name: string): number =>
  weights.get(name)?.extent.length ?? Number.POSITIVE_INFINITY;
