import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { shared } from '../../test/support/shared.ts';
import { evaluate, noise } from '../../test/support/tensors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { F16, F32, Graph, I64 } from '../ggml/graph.ts';
import { HostMemory, NoMemory } from '../ggml/host-memory.ts';
import { type KvShape, kvBytes } from '../state/kv-shape.ts';
import { KvStore } from '../state/kv-store.ts';
import { attention, unpackingNodes } from './attention.ts';

const device = shared(new CpuDevice(2));

test('a graph has room for as many parts as are unpacked, each of 32 MiB at most or of one head', () => {
  const anyShape = fc.record({
    layers: fc.constant(1),
    kvHeads: fc.integer({ min: 1, max: 64 }),
    keyLength: fc.integer({ min: 1, max: 8 }).map((n) => 32 * n),
    valueLength: fc.integer({ min: 1, max: 8 }).map((n) => 32 * n),
    context: fc.integer({ min: 1, max: 2 ** 20 }),
    type: fc.constantFrom('q8_0' as const, 'q4_0' as const),
  });
  fc.assert(
    fc.property(anyShape, (shape: KvShape) => {
      using memory = new NoMemory();
      using kv = new KvStore(shape, memory);
      assert.equal(unpackingNodes({ kv, tokens: 63 }), 0);
      const parts = (unpackingNodes({ kv, tokens: 64 }) - 2) / 8;
      const bytes = 4 * (shape.keyLength + shape.valueLength) * shape.context;
      assert.ok(parts === shape.kvHeads || Math.ceil(shape.kvHeads / parts) * bytes <= 2 ** 25, `${parts} parts`);
    }),
  );
});

const shape: KvShape = { layers: 1, kvHeads: 5, keyLength: 64, valueLength: 32, context: 96, type: 'q8_0' };
const heads = 10;

/** Attention of `tokens` queries to the first 90 rows, unpacked so many bytes at a time. */
async function attended(tokens: number, bytes?: number): Promise<Float32Array> {
  const { kvHeads, keyLength, valueLength, context } = shape;
  using memory = new HostMemory(kvBytes(shape), 'a test');
  memory.clear();
  using store = new KvStore(shape, memory);
  const [layer = assert.fail()] = store.layers;
  const { k, v } = layer.parts.home === 'ram' ? layer.parts : assert.fail();
  using graph = new Graph();
  const rows = 90;
  const ids = graph.input(I64, [rows]);
  const keys = graph.input(F32, [keyLength, kvHeads, rows]);
  const values = graph.input(F32, [valueLength, kvHeads, rows]);
  const q = graph.input(F32, [keyLength, heads, tokens]);
  const mask = graph.input(F16, [context, tokens]);
  graph.setRows(k, graph.byHead(keys), ids);
  graph.setRows(v, graph.byHead(values), ids);
  const of = (tensor: typeof k, length: number) => ({ tensor, headBytes: (context * length * 34) / 32 });
  const seen = { k: of(k, keyLength), v: of(v, valueLength), mask, scale: 0.2, layer };
  const result = attention(graph, { kv: { shape }, tokens }, q, seen, bytes);
  assert.deepEqual(result.shape, [valueLength * heads, tokens]);
  const shown = (i: number): number => (i % context <= Math.floor(i / context) ? 0 : 0xfc00);
  const inputs = [
    [ids, BigInt64Array.from({ length: rows }, (_, i) => BigInt(i))],
    [keys, noise(keyLength * kvHeads * rows, 1)],
    [values, noise(valueLength * kvHeads * rows, 2)],
    [q, noise(keyLength * heads * tokens, 3)],
    [mask, Uint16Array.from({ length: context * tokens }, (_, i) => shown(i))],
  ] as const;
  const [floats = assert.fail()] = await evaluate(device, graph, inputs, [result]);
  return floats;
}

test('many queries see quantized keys and values as few do, in one part or in several, the last of which is smaller', async () => {
  const whole = await attended(80);
  // A head takes 4 * 96 * 96 bytes: two, two and one.
  assert.deepEqual(await attended(80, 80_000), whole);
  assert.deepEqual(await attended(80, 1), whole);
  // Fewer than 64 queries are taken one by one.
  const few = await attended(63);
  const differences = few.map((value, i) => Math.abs(value - (whole[i] ?? Number.NaN)));
  assert.ok(Math.max(...differences) < 1e-5, `${Math.max(...differences)}`);
});
