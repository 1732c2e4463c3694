import assert from 'node:assert/strict';
import test from 'node:test';
import { quantize } from '../../bench/quantize.ts';
import { evaluate, floatsOf, noise, setTensor, TestWeights } from '../../test/support/tensors.ts';
import { existingType } from '../../test/support/weights.ts';
import { nmse } from '../base/nmse.ts';
import { GraphAllocator } from './allocator.ts';
import { CpuDevice } from './cpu-device.ts';
import { F32, Graph } from './graph.ts';
import { LayoutMemory } from './host-memory.ts';
import { TensorSet } from './tensor-set.ts';

const [width, rows] = [512, 128];
const types = ['q4_0', 'q8_0', 'q4_K', 'q6_K', 'iq4_nl', 'f16', 'f32', 'q5_1', 'iq2_xxs'];

test('a device has a name and the threads it was asked for', () => {
  using device = new CpuDevice(3);
  assert.equal(device.threads, 3);
  assert.ok(device.name.length > 0);
});

test('threads that wait awake and threads that sleep compute the same, in turns', async () => {
  using device = new CpuDevice(2);
  using weights = new TestWeights();
  const weight = weights.add('f32', [width, rows], noise(width * rows));
  using graph = new Graph();
  const x = graph.input(F32, [width, 4]);
  const product = graph.matmul(weight, x);
  graph.output(product);
  using allocator = new GraphAllocator();
  allocator.allocate(graph);
  const results: Float32Array[] = [];
  for (const [turn, spin] of [false, true, true, false, true].entries()) {
    setTensor(x, noise(width * 4, 1 + (turn % 2)));
    await device.compute(graph.pointer, 2, spin);
    results.push(floatsOf(product));
  }
  const [odd, even, ...others] = results;
  assert.notDeepEqual(odd, even);
  assert.deepEqual(others, [odd, even, odd]);
});

test('a weight in the layout of a device is multiplied as the plain one is', async (t) => {
  using device = new CpuDevice(2);
  let layouts = 0;
  for (const type of types) {
    const layout = device.layoutFor(existingType(type).id, [width, rows]);
    if (!layout) continue;
    layouts += 1;
    const values = noise(width * rows);
    using weights = new TestWeights();
    using set = new TensorSet(1);
    const pointer = set.add(existingType(type).id, [width, rows]);
    using _memory = new LayoutMemory(layout, pointer);
    setTensor({ pointer }, quantize(existingType(type), values, width));
    const converted = { shape: [width, rows], slices: [{ pointer, shape: [width, rows], slice: 0 }] };
    assert.ok(layout.name.length > 0);
    assert.ok(layout.bytes >= (width / existingType(type).block) * existingType(type).bytes * rows);

    for (const columns of [1, 4, 33]) {
      const results: (Float32Array | undefined)[] = [];
      for (const weight of [weights.add(type, [width, rows], values), converted]) {
        using graph = new Graph();
        const x = graph.input(F32, [width, columns]);
        const product = graph.matmul(weight, x);
        results.push((await evaluate(device, graph, [[x, noise(width * columns, 2)]], [product]))[0]);
      }
      const [plain, fast] = results;
      assert.ok(plain && fast && nmse(fast, plain) < 1e-4, `${type} in ${layout.name}, ${columns} columns`);
    }
  }
  if (layouts === 0) t.skip('this processor has no layout of its own');
});

test('a type that no layout is for is multiplied as it is', () => {
  using device = new CpuDevice(1);
  assert.equal(device.layoutFor(existingType('q5_1').id, [width, rows]), undefined);
});

test('asking for a layout twice gives the same', () => {
  using device = new CpuDevice(1);
  const { id } = existingType('q4_0');
  assert.deepEqual(device.layoutFor(id, [width, rows]), device.layoutFor(id, [width, rows]));
});

test('JavaScript goes on while a device computes', async () => {
  using device = new CpuDevice(2);
  using weights = new TestWeights();
  using graph = new Graph();
  const w = weights.add('f32', [512, 512], noise(512 * 512));
  const input = graph.input(F32, [512, 64]);
  let x = input;
  for (let i = 0; i < 20; i += 1) x = graph.matmul(w, x);
  let computed = false;
  const result = evaluate(device, graph, [[input, new Float32Array(512 * 64)]], [x]).then((outputs) => {
    computed = true;
    return outputs;
  });
  await new Promise(setImmediate);
  assert.equal(computed, false);
  assert.equal((await result)[0]?.length, 512 * 64);
});
