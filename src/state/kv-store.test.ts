import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { shared } from '../../test/support/shared.ts';
import { evaluate, noise } from '../../test/support/tensors.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { F32, Graph, I32, I64, type Tensor } from '../ggml/graph.ts';
import { NoMemory } from '../ggml/host-memory.ts';
import type { Memory } from '../ggml/memory.ts';
import { kvTypes } from '../plan/kv-options.ts';
import { type KvShape, kvBytes } from './kv-shape.ts';
import { KvStore } from './kv-store.ts';

const device = shared(new CpuDevice(1));

const anyShape: fc.Arbitrary<KvShape> = fc.record({
  layers: fc.integer({ min: 1, max: 6 }),
  kvHeads: fc.integer({ min: 1, max: 8 }),
  keyLength: fc.integer({ min: 1, max: 8 }).map((n) => 32 * n),
  valueLength: fc.integer({ min: 1, max: 8 }).map((n) => 32 * n),
  context: fc.integer({ min: 1, max: 512 }),
  type: fc.constantFrom(...kvTypes),
});
/** Bytes of a block of 32 elements. */
const blockBytes = { f16: 64, q8_0: 34, q4_0: 18 };

test('keys and values of all layers lie one after the other, and take what kvBytes says', () => {
  fc.assert(
    fc.property(anyShape, (shape) => {
      const offsets = new Map<bigint, number>();
      const place: Memory['place'] = (tensor, offset) => offsets.set(tensor, offset);
      using store = new KvStore(shape, {
        place,
        shared: undefined,
        read: () => assert.fail(),
        write: () => assert.fail(),
      });
      assert.equal(store.layers.length, shape.layers);
      let end = 0;
      for (const { parts } of store.layers) {
        const { k, v } = parts.home === 'ram' ? parts : assert.fail();
        assert.deepEqual(k.shape, [shape.keyLength, shape.context, shape.kvHeads]);
        assert.deepEqual(v.shape, [shape.valueLength, shape.context, shape.kvHeads]);
        for (const { pointer, shape: own } of [k, v]) {
          assert.equal(offsets.get(pointer), end);
          end += own.reduce((a, b) => a * b, blockBytes[shape.type] / 32);
        }
      }
      assert.equal(end, kvBytes(shape));
    }),
  );
});

const shape: KvShape = { layers: 2, kvHeads: 2, keyLength: 16, valueLength: 8, context: 10, type: 'f16' };
const ids = Int32Array.from({ length: shape.kvHeads * shape.context }, (_, i) => i);

/** A layer's keys and values, in memory. */
function partsOf(store: KvStore, layer: number): { readonly k: Tensor; readonly v: Tensor } {
  const parts = store.layers[layer]?.parts;
  return parts?.home === 'ram' ? parts : assert.fail();
}

/** All of a layer's keys and values, head by head, as float32. */
async function contents(store: KvStore, layer: number): Promise<readonly Float32Array[]> {
  const { k, v } = partsOf(store, layer);
  using graph = new Graph();
  const all = graph.input(I32, [ids.length]);
  const rows = [k, v].map((part) => graph.rows(graph.reshape(part, [part.shape[0] ?? 0, ids.length]), all));
  return await evaluate(device, graph, [[all, ids]], rows);
}

test('a store is zeros at first, since attention also multiplies what its mask hides', async () => {
  using store = KvStore.allocate(shape, device);
  for (const layer of [0, 1]) {
    for (const values of await contents(store, layer)) assert.ok(values.every((value) => value === 0));
  }
});

/** Passes over tokens start .. end. */
function pass(store: KvStore, start: number, end: number, most = 512): void {
  for (let at = start; at < end; at += most) store.commitSinkShifts(at, Math.min(most, end - at));
}

test('a text that goes on from one or two tokens of another has its own sinks in every copy', () => {
  using memory = new NoMemory();
  const windows = [null, { tokens: 1, sinks: 4 }];
  using store = new KvStore({ ...shape, context: 4000, windows, pass: 512 }, memory);
  for (const end of [530, 1100]) {
    for (const kept of [1, 3, 4]) {
      pass(store, 0, end);
      pass(store, kept, 512);
      // Position 516 is the first that is a step away from its sinks.
      assert.deepEqual(store.sinkShifts(512, 10), kept < 4 ? [1] : []);
    }
  }
});

test('a pass that reaches over a step has both copies of the sinks, whatever became of them before', () => {
  using memory = new NoMemory();
  using store = new KvStore({ ...shape, context: 4000, windows: [{ tokens: 1, sinks: 4 }, null], pass: 64 }, memory);
  pass(store, 0, 510, 64);
  assert.deepEqual([store.sinkShifts(510, 6), store.sinkShifts(510, 7)], [[], [1]]);
  store.replaced();
  assert.deepEqual([store.sinkShifts(510, 6), store.sinkShifts(510, 7)], [[0], [0, 1]]);
  pass(store, 510, 1500, 64);
  assert.deepEqual([store.sinkShifts(1500, 64), store.sinkShifts(1000, 64)], [[3], []]);
  assert.deepEqual(store.sinkShifts(400, 20), [0]);
  assert.deepEqual(store.sinkShifts(0, 64), []);
});

test('what a graph writes to one place of one layer stays there, and nothing else changes', async () => {
  using store = KvStore.allocate(shape, device);
  const [keys, values] = [noise(32 * 2), noise(16 * 2, 2)];
  {
    using graph = new Graph();
    const { k, v } = partsOf(store, 1);
    const [newKeys, newValues] = [graph.input(F32, [16, 2, 2]), graph.input(F32, [8, 2, 2])];
    const places = graph.input(I64, [2]);
    graph.setRows(k, graph.byHead(newKeys), places);
    graph.setRows(v, graph.byHead(newValues), places);
    const inputs = [
      [newKeys, keys],
      [newValues, values],
      [places, BigInt64Array.of(4n, 9n)],
    ] as const;
    await evaluate(device, graph, inputs, []);
  }
  const [k, v] = await contents(store, 1);
  for (const [actual, expected, width] of [[k, keys, 16] as const, [v, values, 8] as const]) {
    for (let i = 0; i < width * ids.length; i += 1) {
      const [head, row] = [Math.floor(i / width / shape.context), Math.floor(i / width) % shape.context];
      const written = [4, 9].indexOf(row);
      const value = written < 0 ? 0 : (expected[(written * shape.kvHeads + head) * width + (i % width)] ?? 0);
      assert.ok(Math.abs((actual?.[i] ?? Number.NaN) - value) < 1e-3);
    }
  }
  for (const untouched of await contents(store, 0)) assert.ok(untouched.every((value) => value === 0));
});
