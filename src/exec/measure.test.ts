import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ArchitectureName, type RandomModelSpec, writeRandomModel } from '../../bench/random-model.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { ownArchitectures } from '../arch/registry.ts';
import { measureGraph } from '../ggml/allocator.ts';
import { Graph } from '../ggml/graph.ts';
import { NoMemory } from '../ggml/host-memory.ts';
import { openModelFile } from '../gguf/model-file.ts';
import { rowsBytes } from '../pager/rows.ts';
import type { Window } from '../plan/kv-options.ts';
import { schedule } from '../plan/schedule.ts';
import { cutIntoSlices, type Slice } from '../plan/slices.ts';
import { KvStore } from '../state/kv-store.ts';
import { computeBytes, type GraphOutline, manifestOf } from './measure.ts';
import { build, graphCapacity } from './own-program.ts';
import { SliceTensors, weightsOf } from './slice-tensors.ts';
import { shapeAt } from './span.ts';

const folder = sharedFolder();

const context = 640;

function outlineOf(architecture: ArchitectureName, changes: Partial<RandomModelSpec> = {}): GraphOutline {
  const path = folder.file(`${architecture}.gguf`);
  const sizes = { layers: 3, width: 64, heads: 4, kvHeads: 2, feedForward: 384, vocabulary: 300 };
  writeRandomModel(path, { architecture, ...sizes, context, ...changes });
  const file = openModelFile(path);
  const found = ownArchitectures.get(architecture) ?? assert.fail();
  const config = found.config(file.metadata);
  return { stages: found.stages(config), weights: file.weights, kv: { ...config, context, type: 'f16' } };
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
const slicesOf = (outline: GraphOutline): readonly Slice[] =>
  manifestOf(outline)
    .flatMap(({ weight }) => cutIntoSlices(weight, 2 ** 14))
    .map((part, id) => ({ ...part, id }));

/** Bytes that the intermediate results of a pass over spans of several sequences really take. */
function taken(outline: GraphOutline, ...spans: readonly { tokens: number; outputs: number; end: number }[]): number {
  using memory = new NoMemory();
  using kv = new KvStore(outline.kv, memory);
  const slices = slicesOf(outline);
  using made = new SliceTensors(slices, (_, { pointer }) => memory.place(pointer));
  const weights = weightsOf(outline.weights, slices, made.tensors);
  const shapes = spans.map((span) => shapeAt(kv, span));
  using graph = new Graph(graphCapacity(shapes));
  build(graph, outline.stages, { weights, file: outline.weights }, shapes);
  return measureGraph(graph) + graph.scratchBytes;
}

test('what is planned for a batch suffices for every smaller one, wherever in the context it stands', () => {
  for (const architecture of everyArchitecture) {
    const outline = outlineOf(architecture);
    const embedding = outline.weights.get('token_embd.weight') ?? assert.fail();
    // The figure is without scratch memory of threads, and without memory for embedding rows.
    const planned = computeBytes(outline, slicesOf(outline), 256, { threads: 0 }) - rowsBytes(embedding);
    for (const tokens of [1, 2, 7, 33, 256]) {
      for (const end of [256, 512, context]) {
        const bytes = taken(outline, { tokens, outputs: 1, end });
        assert.ok(bytes <= planned, `${architecture}: ${tokens} tokens take ${bytes} of ${planned} bytes`);
      }
    }
  }
});

test('with a window, what is planned suffices from the first sinks to where copies of them follow it', () => {
  for (const architecture of everyArchitecture) {
    for (const type of ['f16', 'q8_0'] as const) {
      const wide = { width: 256, kvHeads: 4, feedForward: 32, vocabulary: 40 };
      const { kv, ...model } = outlineOf(architecture, wide);
      const windows = Array<Window>(3).fill({ tokens: 100, sinks: 40 });
      const outline = { ...model, kv: { ...kv, type, context: 2 ** 20, windows, pass: 256 } };
      const embedding = outline.weights.get('token_embd.weight') ?? assert.fail();
      const planned = computeBytes(outline, slicesOf(outline), 256, { threads: 0 }) - rowsBytes(embedding);
      for (const tokens of [1, 39, 41, 256]) {
        for (const end of [tokens, 256, 660, 2 ** 20]) {
          const bytes = taken(outline, { tokens, outputs: 1, end });
          assert.ok(bytes <= planned, `${architecture}: ${tokens} tokens at ${end} take ${bytes} of ${planned} bytes`);
        }
      }
    }
  }
});

test('what is planned for sequences that draft ahead suffices for any of them together, prompts and drafts', () => {
  const anyCase = fc
    .record({
      architecture: fc.constantFrom(...everyArchitecture),
      parallel: fc.integer({ min: 1, max: 4 }),
      ahead: fc.integer({ min: 0, max: 20 }),
      batch: fc.constantFrom(1, 8, 64, 256),
    })
    .chain((limits) => {
      const anySpan = fc.record({ prompt: fc.integer({ min: 0, max: limits.batch }), drafts: fc.nat(limits.ahead) });
      const spans = fc.array(anySpan, { minLength: 1, maxLength: limits.parallel });
      return fc.record({ limits: fc.constant(limits), spans, end: fc.constantFrom(256, 512, context) });
    });
  // The vocabulary is so large that logits are most of the memory for draft tokens.
  const vocabulary = 4000;
  const outlines = new Map(everyArchitecture.map((name) => [name, outlineOf(name, { vocabulary })]));
  fc.assert(
    fc.property(anyCase, ({ limits: { architecture, parallel, ahead, batch }, spans, end }) => {
      const outline = outlines.get(architecture) ?? assert.fail();
      const pending = spans.map(({ prompt, drafts }) => ({ tokens: prompt || 1 + drafts, decoding: prompt === 0 }));
      const tokens = batch + (parallel - 1) * (1 + ahead);
      const counts = schedule(pending, { batch, tokens, chunk: 1000, exact: false, even: false, promptsFirst: false });
      const chosen = pending.flatMap(({ decoding }, i) => {
        const count = counts[i] ?? 0;
        return count > 0 ? [{ tokens: count, outputs: decoding ? count : 1, end }] : [];
      });
      const embedding = outline.weights.get('token_embd.weight') ?? assert.fail();
      const limits = { threads: 0, parallel, ahead };
      // The figure is without what is held beside the graph: masks, logits, candidates.
      const masks = 2 * context * (Math.max(batch, 1 + ahead) + (parallel - 1) * (1 + ahead));
      const choosing = parallel * (24 + 4 * (1 + ahead)) * vocabulary;
      const beside = rowsBytes(embedding) + masks + choosing;
      const planned = computeBytes(outline, slicesOf(outline), batch, limits) - beside;
      const bytes = taken(outline, ...chosen);
      // Where the allocator puts things depends on their sizes: less may take some kilobytes more.
      const aligning = 4096 * chosen.length;
      assert.ok(bytes <= planned + aligning, `${JSON.stringify(chosen)} take ${bytes} of ${planned} bytes`);
    }),
    { numRuns: 200 },
  );
});

test('more drafts take more, for the more sequences the more', () => {
  const outline = outlineOf('llama');
  const slices = slicesOf(outline);
  const bytes = (parallel: number, ahead: number): number =>
    computeBytes(outline, slices, 64, { threads: 1, parallel, ahead });
  for (const parallel of [1, 4]) {
    const sizes = [0, 1, 7, 15, 63].map((ahead) => bytes(parallel, ahead));
    for (const [i, size] of sizes.entries()) assert.ok(i === 0 || size > (sizes[i - 1] ?? 0), `${sizes}`);
  }
  // Candidates and logits lie beside the graph; in it, logits of draft tokens may lie over tensors that are not needed
  // any more.
  const logits = 4 * 300;
  assert.ok(bytes(1, 15) - bytes(1, 0) >= 15 * logits);
  assert.ok(bytes(4, 15) - bytes(4, 0) >= 4 * 15 * logits);
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
