import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { weightOf } from '../../test/support/weights.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { loadGgml } from '../ggml/api.ts';
import { Graph, type Tensor } from '../ggml/graph.ts';
import type { Pointer } from '../ggml/library.ts';
import { type KvShape, KvStore, kvMemory } from '../kv/store.ts';
import { BatchInputs, type Span, shapeOf } from './batch.ts';
import { writeInputs } from './inputs.ts';
import { visibility } from './mask.ts';

const hidden = 0xfc00;

test('a token sees itself and what came before, within its window', () => {
  const anyCase = fc
    .record({ start: fc.nat(300), n: fc.integer({ min: 1, max: 40 }), spare: fc.nat(300), window: fc.nat(400) })
    .map((c) => ({ ...c, reach: c.start + c.n + c.spare }));
  fc.assert(
    fc.property(anyCase, ({ start, n, reach, window }) => {
      const mask = visibility(start, n, { reach, window });
      assert.equal(mask.length, reach * n);
      for (let j = 0; j < n; j += 1) {
        for (let stored = 0; stored < reach; stored += 1) {
          const age = start + j - stored;
          const visible = age >= 0 && (window === 0 || age < window);
          assert.equal(mask[j * reach + stored], visible ? 0 : hidden);
        }
      }
    }),
  );
});

test('a window of one shows a token nothing but itself', () => {
  assert.deepEqual(
    [...visibility(1, 2, { reach: 4, window: 1 })],
    [hidden, 0, hidden, hidden, hidden, hidden, 0, hidden],
  );
});

const shape: KvShape = { layers: 1, kvHeads: 1, keyLength: 32, valueLength: 32, context: 600, type: 'f16' };

/** The data of a tensor, as `array`. */
function read<A extends ArrayBufferView>({ pointer }: { pointer: Pointer }, array: A): A {
  loadGgml().ggml_backend_tensor_get(pointer, array, 0, array.byteLength);
  return array;
}

test('the inputs of a graph say of each token where it stands, what it sees, and whether its logits are asked for', () => {
  using memory = kvMemory(shape);
  using kv = new KvStore(shape, memory);
  using graph = new Graph();
  using allocator = new GraphAllocator();
  const spans: readonly Span[] = [
    { kv, start: 254, tokens: [7, 8, 9], logits: 'last' },
    { kv, start: 0, tokens: [5, 6], logits: 'all' },
    { kv, start: 511, tokens: [4], logits: 'last' },
  ];
  const embedding = weightOf('token_embd.weight', 'f32', [32, 10]);
  const inputs = new BatchInputs(graph, new Map([[embedding.name, embedding]]), spans.map(shapeOf));
  const x = inputs.embed(embedding.name, [32, 10]);
  const q: Tensor = graph.reshape(x, [32, 1, 6]);
  for (const window of [0, 2]) inputs.attend(0, { q, k: q, v: x }, { scale: 1, window });
  graph.output(inputs.outputs(x));
  graph.rows(x, inputs.positions); // what nothing reads gets no memory
  allocator.allocate(graph);
  writeInputs(inputs, spans);

  assert.deepEqual([inputs.tokens, inputs.outputCount, inputs.context], [6, 4, 600]);
  assert.deepEqual([...read(inputs.positions, new Int32Array(6))], [254, 255, 256, 0, 1, 511]);
  assert.deepEqual([...read(inputs.outputIds ?? assert.fail(), new Int32Array(4))], [2, 3, 4, 5]);
  assert.deepEqual([...read(inputs.embedding?.order ?? assert.fail(), new Int32Array(6))], [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(
    inputs.spans.map((span) => span.reach),
    [512, 256, 512],
  );
  for (const [i, { start, tokens }] of spans.entries()) {
    const { ids, masks } = inputs.inputs[i] ?? assert.fail();
    const { reach } = inputs.spans[i] ?? assert.fail();
    const places = tokens.map((_, j) => BigInt(start + j));
    assert.deepEqual([...read(ids, new BigInt64Array(tokens.length))], places);
    assert.deepEqual([...masks.keys()], [0, 2]);
    for (const [window, mask] of masks) {
      const expected = visibility(start, tokens.length, { reach, window });
      assert.deepEqual(read(mask, new Uint16Array(expected.length)), expected);
    }
  }
});

test('attention looks at stored tokens in groups of 256, and never beyond the store', () => {
  using memory = kvMemory(shape);
  using kv = new KvStore(shape, memory);
  const reach = (start: number, n: number): number =>
    shapeOf({ kv, start, tokens: Array.from({ length: n }, () => 0), logits: 'last' }).reach;
  assert.deepEqual(
    [reach(0, 1), reach(255, 1), reach(256, 1), reach(500, 12), reach(599, 1)],
    [256, 256, 512, 512, 600],
  );
});

test('where all logits are asked for, no token is left out', () => {
  using memory = kvMemory(shape);
  using kv = new KvStore(shape, memory);
  using graph = new Graph();
  const spans: readonly Span[] = [{ kv, start: 0, tokens: [1, 2, 3], logits: 'all' }];
  const inputs = new BatchInputs(graph, new Map(), spans.map(shapeOf));
  const x = graph.input(0, [32, 3]);
  assert.equal(inputs.outputs(x), x);
  assert.equal(inputs.outputIds, undefined);
});
