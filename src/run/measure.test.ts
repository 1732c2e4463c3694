import assert from 'node:assert/strict';
import test, { after } from 'node:test';
import { type ArchitectureName, type RandomModelSpec, writeRandomModel } from '../../bench/random-model.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { measure } from '../ggml/allocator.ts';
import { Graph } from '../ggml/graph.ts';
import { NoMemory } from '../ggml/host-memory.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { KvStore } from '../kv/store.ts';
import { architectureOf } from '../model/index.ts';
import { cut, type Slice } from '../plan/slices.ts';
import { rowReaderBytes } from '../stream/rows.ts';
import type { SpanShape } from './batch.ts';
import { build } from './forward.ts';
import { computeBytes, manifestOf, type Outline } from './measure.ts';
import { SliceTensors, weightsOf } from './weights.ts';

const folder = tempFolder();
after(() => folder[Symbol.dispose]());

const context = 640;

function outlineOf(architecture: ArchitectureName, changes: Partial<RandomModelSpec> = {}): Outline {
  const path = folder.file(`${architecture}.gguf`);
  const sizes = { layers: 3, width: 64, heads: 4, kvHeads: 2, feedForward: 384, vocabulary: 300 };
  writeRandomModel(path, { architecture, ...sizes, context, ...changes });
  const file = openModelFile(path);
  const found = architectureOf(architecture);
  const config = found.config(file.metadata);
  return { stages: found.stages(config), weights: file.weights, kv: { ...config, context } };
}

const everyArchitecture: readonly ArchitectureName[] = ['llama', 'qwen2', 'qwen3', 'gemma3', 'phi3'];

test('the manifest of a model is every weight but the embedding, which is read by rows, in the order of use', () => {
  for (const architecture of everyArchitecture) {
    const outline = outlineOf(architecture);
    const names = manifestOf(outline).map(({ weight }) => weight.name);
    assert.deepEqual(
      names.toSorted(),
      [...outline.weights.keys()].filter((name) => name !== 'token_embd.weight').sort(),
    );
    assert.equal(names.at(-1), 'output.weight');
    const layers = names.flatMap((name) => /^blk\.(\d+)\./.exec(name)?.[1] ?? []).map(Number);
    assert.deepEqual(layers, layers.toSorted());
  }
});

test('a head that is the embedding is a weight of the manifest, and matrices may stream', () => {
  const entries = manifestOf(outlineOf('llama', { tied: true }));
  assert.equal(entries.at(-1)?.weight.name, 'token_embd.weight');
  for (const { weight, streamable } of entries) assert.equal(streamable, weight.shape.length === 2);
});

/** The model's weights in slices of 16 KiB. */
const slicesOf = (outline: Outline): readonly Slice[] =>
  manifestOf(outline)
    .flatMap(({ weight }) => cut(weight, 2 ** 14))
    .map((part, id) => ({ ...part, id }));

/** What the intermediate results of a batch really take. */
function taken(outline: Outline, span: Omit<SpanShape, 'kv'>): number {
  using memory = new NoMemory();
  using kv = new KvStore(outline.kv, memory);
  using graph = new Graph();
  const slices = slicesOf(outline);
  using made = new SliceTensors(slices, (_, { pointer }) => memory.place(pointer));
  const weights = weightsOf(outline.weights, slices, made.tensors);
  build(graph, outline.stages, { weights, file: outline.weights }, [{ kv, ...span }]);
  return measure(graph) + graph.scratchBytes;
}

test('what is planned for a batch suffices for every smaller one, wherever in the context it stands', () => {
  for (const architecture of everyArchitecture) {
    const outline = outlineOf(architecture);
    const embedding = outline.weights.get('token_embd.weight') ?? assert.fail();
    // Without scratch memory of threads, and what embedding rows are read to.
    const planned = computeBytes(outline, slicesOf(outline), 256, { threads: 0 }) - rowReaderBytes(embedding);
    for (const tokens of [1, 2, 7, 33, 256]) {
      for (const reach of [256, 512, context]) {
        const bytes = taken(outline, { tokens, outputs: 1, reach });
        assert.ok(bytes <= planned, `${architecture}: ${tokens} tokens take ${bytes} of ${planned} bytes`);
      }
    }
  }
});

test('a larger batch and more threads take more', () => {
  const outline = outlineOf('llama');
  const slices = slicesOf(outline);
  const sizes = [1, 8, 64, 256].map((tokens) => computeBytes(outline, slices, tokens, { threads: 2 }));
  assert.deepEqual(
    sizes,
    sizes.toSorted((a, b) => a - b),
  );
  assert.ok(computeBytes(outline, slices, 8, { threads: 4 }) > computeBytes(outline, slices, 8, { threads: 2 }));
});
