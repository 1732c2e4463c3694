import assert from 'node:assert/strict';
import test from 'node:test';
import { quantizable, quantize } from '../../bench/quantize.ts';
import { shared } from '../../test/support/shared.ts';
import { loadGgml } from './api.ts';
import { CpuDevice } from './cpu-device.ts';
import { readTensor, writeExpertsAside, writeTensor } from './data.ts';
import { F32, I32 } from './graph.ts';
import { HostMemory, LayoutMemory } from './host-memory.ts';
import { NodeGraph } from './node-graph.ts';
import { TensorSet } from './tensor-set.ts';

const device = shared(new CpuDevice(1));

test('experts that are converted some at a time give the results of a bank that is converted as a whole', async (t) => {
  const [width, rows, experts] = [256, 64, 5];
  const type = quantizable('q4_0');
  const layout = device.layoutFor(type.id, [width, rows, experts]);
  if (!layout) return t.skip('this processor has no layout of its own for experts');
  const values = Float32Array.from({ length: width * rows * experts }, (_, i) => Math.sin(i * i));
  const bytes = quantize(type, values, width);
  using set = new TensorSet(4);
  const [whole, parts] = [set.add(type.id, [width, rows, experts]), set.add(type.id, [width, rows, experts])];
  using _whole = new LayoutMemory(layout, whole);
  using _parts = new LayoutMemory(layout, parts);
  writeTensor(whole, bytes);
  const expert = bytes.length / experts;
  for (const [first, count] of [
    [3, 2],
    [0, 1],
    [1, 2],
  ] as const) {
    await writeExpertsAside(parts, { first, count }, bytes.subarray(first * expert, (first + count) * expert));
  }

  using memory = new HostMemory(2 ** 16, 'a test');
  const [x, ids] = [set.add(F32, [width, 1, 1]), set.add(I32, [experts, 1])];
  memory.place(x, 0);
  memory.place(ids, 4096);
  writeTensor(x, values.subarray(0, width));
  writeTensor(
    ids,
    Int32Array.from({ length: experts }, (_, i) => i),
  );
  const results: Float32Array[] = [];
  for (const bank of [whole, parts]) {
    using graph = new NodeGraph(8);
    const product = loadGgml().ggml_mul_mat_id(graph.context, bank, x, ids);
    memory.place(product, 8192);
    graph.add(product);
    await device.compute(graph.pointer);
    const result = new Float32Array(rows * experts);
    readTensor(product, result);
    results.push(result);
  }
  assert.deepEqual(results[1], results[0]);
  assert.ok(results[0]?.every((value) => value !== 0));
});
