import assert from 'node:assert/strict';
import test from 'node:test';
import { someMemory } from '../../test/support/tensors.ts';
import { weightOf } from '../../test/support/weights.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { loadGgml } from '../ggml/api.ts';
import { Graph, type Tensor } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import type { KvShape } from '../state/kv-shape.ts';
import { KvStore } from '../state/kv-store.ts';
import { rowOf } from '../state/rows.ts';
import { attentionMask } from './attention-mask.ts';
import { BatchInputs } from './batch.ts';
import { writeInputs } from './inputs.ts';
import { type Span, shapeOf } from './span.ts';

/** Two layers, the second with a window. */
const shape: KvShape = {
  layers: 2,
  kvHeads: 1,
  keyLength: 32,
  valueLength: 32,
  context: 600,
  type: 'f16',
  windows: [null, { tokens: 2, sinks: 0 }],
  pass: 3,
};

/** The data of a tensor, as `array`. */
function read<A extends ArrayBufferView>({ pointer }: { pointer: Pointer }, array: A): A {
  loadGgml().ggml_backend_tensor_get(pointer, array, 0, array.byteLength);
  return array;
}

test('the inputs of a graph say of each token where it stands, what it sees, and whether its logits are asked for', () => {
  using kv = KvStore.allocate(shape, someMemory);
  using graph = new Graph();
  using allocator = new GraphAllocator();
  const spans: readonly Span[] = [
    { state: kv, start: 254, tokens: [7, 8, 9], logits: 'last' },
    { state: kv, start: 0, tokens: [5, 6], logits: 'all' },
    { state: kv, start: 511, tokens: [4], logits: 'last' },
  ];
  const embedding = weightOf('token_embd.weight', 'f32', [32, 10]);
  const inputs = new BatchInputs(graph, new Map([[embedding.name, embedding]]), spans.map(shapeOf));
  const x = inputs.embed(embedding.name, [32, 10]);
  const q: Tensor = graph.reshape(x, [32, 1, 6]);
  for (const il of [0, 1]) inputs.attend(il, { q, k: q, v: x, rotate: (k) => k }, 1);
  graph.output(inputs.outputs(x));
  graph.rows(x, inputs.positions); // an input that nothing reads gets no memory
  allocator.allocate(graph);
  writeInputs(inputs, spans);

  assert.deepEqual([inputs.tokens, inputs.outputCount, inputs.maxDistance], [6, 4, 600]);
  assert.deepEqual([...read(inputs.positions, new Int32Array(6))], [254, 255, 256, 0, 1, 511]);
  assert.deepEqual([...read(inputs.outputIds ?? assert.fail(), new Int32Array(4))], [2, 3, 4, 5]);
  assert.deepEqual([...read(inputs.embedding?.order ?? assert.fail(), new Int32Array(6))], [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(
    inputs.spans.map((span) => span.attendedRows),
    [
      [512, 256],
      [256, 256],
      [512, 256],
    ],
  );
  for (const [i, { start, tokens }] of spans.entries()) {
    const { ids, masks } = inputs.inputs[i] ?? assert.fail();
    for (const [il, { rows }] of kv.layers.entries()) {
      const places = tokens.map((_, j) => BigInt(rowOf(rows, start + j)));
      assert.deepEqual([...read(ids.get(rows) ?? assert.fail(), new BigInt64Array(tokens.length))], places);
      const expected = attentionMask(start, tokens.length, { rows, attended: inputs.spans[i]?.attendedRows[il] ?? 0 });
      assert.deepEqual(read(masks.get(rows) ?? assert.fail(), new Uint16Array(expected.length)), expected);
    }
  }
});

test('attention looks at stored tokens in groups of 256, and never beyond the store', () => {
  using kv = KvStore.allocate(shape, someMemory);
  const attended = (start: number, n: number): number =>
    shapeOf({ state: kv, start, tokens: Array.from({ length: n }, () => 0), logits: 'last' }).attendedRows[0] ?? 0;
  assert.deepEqual(
    [attended(0, 1), attended(255, 1), attended(256, 1), attended(500, 12), attended(599, 1)],
    [256, 256, 512, 512, 600],
  );
});

test('where all logits are asked for, no token is left out', () => {
  using kv = KvStore.allocate(shape, someMemory);
  using graph = new Graph();
  const spans: readonly Span[] = [{ state: kv, start: 0, tokens: [1, 2, 3], logits: 'all' }];
  const inputs = new BatchInputs(graph, new Map(), spans.map(shapeOf));
  const x = graph.input(0, [32, 3]);
  assert.equal(inputs.outputs(x), x);
  assert.equal(inputs.outputIds, undefined);
});
