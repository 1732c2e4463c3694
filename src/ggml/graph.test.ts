import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { dequantize, quantize } from '../../bench/quantize.ts';
import { shared } from '../../test/support/shared.ts';
import { evaluate, noise, TestWeights } from '../../test/support/tensors.ts';
import { existingType } from '../../test/support/weights.ts';
import { nmse } from '../base/nmse.ts';
import { loadGgml } from './api.ts';
import { CpuDevice } from './cpu-device.ts';
import { F16, F32, Graph, I32, I64, type Tensor } from './graph.ts';

const device = shared(new CpuDevice(1));

const close = (actual: Float32Array | undefined, expected: Float32Array, bound = 1e-10): void => {
  assert.ok(actual && nmse(actual, expected) <= bound, `${actual?.slice(0, 8)} is not ${expected.slice(0, 8)}`);
};

/** Product of w (in, out) and x (in, n) in float64. */
function naiveProduct(w: Float32Array, x: Float32Array, width: number): Float32Array {
  const [rows, columns] = [w.length / width, x.length / width];
  return Float32Array.from({ length: rows * columns }, (_, i) => {
    const [row, column] = [i % rows, Math.floor(i / rows)];
    let sum = 0;
    for (let j = 0; j < width; j += 1) sum += (w[row * width + j] ?? 0) * (x[column * width + j] ?? 0);
    return sum;
  });
}

test('a matrix of any type is multiplied with', async () => {
  using weights = new TestWeights();
  const [width, rows, columns] = [256, 40, 3];
  const x = noise(width * columns, 2);
  for (const type of ['f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q4_1', 'q5_0', 'q4_K', 'q6_K', 'iq4_nl']) {
    const values = noise(width * rows, 3);
    const kept = dequantize(existingType(type), quantize(existingType(type), values, width));
    using graph = new Graph();
    const input = graph.input(F32, [width, columns]);
    const product = graph.matmul(weights.add(type, [width, rows], values), input);
    assert.deepEqual(product.shape, [rows, columns]);
    const [result] = await evaluate(device, graph, [[input, x]], [product]);
    close(result, naiveProduct(kept, x, width), 1e-4);
  }
});

test('a matrix cut between groups of 32 rows is multiplied as the whole is, bit for bit', async () => {
  const cases = fc.record({
    type: fc.constantFrom('f32', 'f16', 'bf16', 'q8_0', 'q4_0', 'q6_K', 'iq4_xs', 'iq2_xxs'),
    groups: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 2, maxLength: 4 }),
    columns: fc.constantFrom(1, 2, 5, 8, 33),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ type, groups, columns }) => {
      using weights = new TestWeights();
      const counts = groups.map((n) => 32 * n);
      const rows = counts.reduce((a, b) => a + b, 0);
      const values = noise(256 * rows, rows);
      const x = noise(256 * columns, columns);
      const results: (Float32Array | undefined)[] = [];
      for (const cut of [[rows], counts]) {
        using graph = new Graph();
        const input = graph.input(F32, [256, columns]);
        const product = graph.matmul(weights.add(type, [256, rows], values, cut), input);
        results.push((await evaluate(device, graph, [[input, x]], [product]))[0]);
      }
      assert.deepEqual(results[1], results[0]);
    }),
    { numRuns: 60 },
  );
});

test('each use of a weight is recorded with the node that reads it', () => {
  using weights = new TestWeights();
  using graph = new Graph();
  const x = graph.input(F32, [32, 2]);
  const bias = weights.add('f32', [32], noise(32));
  const matrix = weights.add('f32', [32, 96], noise(32 * 96), [32, 64]);
  const y = graph.addWeight(graph.scale(x, 2), bias); // node 0 scales, node 1 adds
  graph.matmul(matrix, y); // nodes 2 and 3 multiply, node 4 joins
  graph.mulWeight(y, bias);
  assert.deepEqual(graph.uses, [
    { slice: 0, node: 1 },
    { slice: 1, node: 2 },
    { slice: 2, node: 3 },
    { slice: 0, node: 5 },
  ]);
  assert.equal(graph.nodes, 6);
});

test('a weight that is not multiplied as a matrix cannot be in slices', () => {
  using weights = new TestWeights();
  using graph = new Graph();
  const x = graph.input(F32, [32, 64]);
  const cut = weights.add('f32', [32, 64], noise(32 * 64), [32, 32]);
  assert.throws(() => graph.mulWeight(x, cut));
  assert.throws(() => graph.addWeight(x, { shape: [32], slices: [] }));
});

test('operations on elements and rows do what they say, and know the shapes of their results', async () => {
  using weights = new TestWeights();
  using graph = new Graph();
  const [a, b] = [noise(24, 11), noise(24, 12)];
  const x = graph.input(F32, [6, 4]);
  const y = graph.input(F32, [6, 4]);
  const ids = graph.input(I32, [3]);
  const w = noise(6, 13);
  const vector = weights.add('f32', [6], w);
  const at = (values: Float32Array, i: number): number => values[i] ?? Number.NaN;
  const silu = (v: number): number => v / (1 + Math.exp(-v));
  const gelu = (v: number): number => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  const map = (n: number, f: (i: number) => number): Float32Array => Float32Array.from({ length: n }, (_, i) => f(i));
  const meanSquare = (row: number): number => a.slice(6 * row, 6 * row + 6).reduce((sum, v) => sum + v * v, 0) / 6;

  const cases: readonly (readonly [Tensor, readonly number[], Float32Array, number?])[] = [
    [graph.add(x, y), [6, 4], map(24, (i) => at(a, i) + at(b, i))],
    [graph.scale(x, -3), [6, 4], map(24, (i) => -3 * at(a, i))],
    [graph.tanh(x), [6, 4], map(24, (i) => Math.tanh(at(a, i)))],
    [graph.rmsNorm(x, 0.5), [6, 4], map(24, (i) => at(a, i) / Math.sqrt(meanSquare(Math.floor(i / 6)) + 0.5))],
    [graph.mulWeight(x, vector), [6, 4], map(24, (i) => at(a, i) * at(w, i % 6))],
    [graph.addWeight(x, vector), [6, 4], map(24, (i) => at(a, i) + at(w, i % 6))],
    [graph.rows(x, ids), [6, 3], map(18, (i) => at(a, 6 * ([2, 0, 2][Math.floor(i / 6)] ?? 0) + (i % 6)))],
    [graph.swiglu(x, y), [6, 4], map(24, (i) => silu(at(a, i)) * at(b, i))],
    // ggml looks gelu up in a table of float16
    [graph.geglu(x, y), [6, 4], map(24, (i) => gelu(at(a, i)) * at(b, i)), 1e-6],
    [
      graph.swigluFused(x),
      [3, 4],
      map(12, (i) => silu(at(a, i + 3 * Math.floor(i / 3))) * at(a, i + 3 * Math.floor(i / 3) + 3)),
    ],
    [graph.concat(0, x, y), [12, 4], map(48, (i) => at(i % 12 < 6 ? a : b, 6 * Math.floor(i / 12) + (i % 6)))],
    [graph.concat(1, x, y), [6, 8], map(48, (i) => at(i < 24 ? a : b, i % 24))],
    [graph.reshape(x, [3, 2, 4]), [3, 2, 4], a],
    [
      graph.contiguous(graph.view(x, [2, 4], [24], 8)),
      [2, 4],
      map(8, (i) => at(a, 6 * Math.floor(i / 2) + (i % 2) + 2)),
    ],
    [
      graph.contiguous(graph.view(x, [2, 2, 2], [8, 48], 0)),
      [2, 2, 2],
      map(8, (i) => at(a, 12 * Math.floor(i / 4) + (i % 4))),
    ],
  ];
  const results = await evaluate(
    device,
    graph,
    [
      [x, a],
      [y, b],
      [ids, Int32Array.of(2, 0, 2)],
    ],
    cases.map(([tensor]) => tensor),
  );
  for (const [i, [tensor, shape, expected, bound]] of cases.entries()) {
    assert.deepEqual(tensor.shape, shape, `case ${i}`);
    close(results[i], expected, bound);
  }
});

test('rows are written where their numbers say, as float16', async () => {
  using graph = new Graph();
  const store = graph.input(F16, [32, 5]);
  const x = graph.input(F32, [32, 2]);
  const ids = graph.input(I64, [2]);
  graph.setRows(store, x, ids);
  const all = graph.input(I32, [5]);
  const values = noise(64, 9);
  const [result] = await evaluate(
    device,
    graph,
    [
      [store, new Uint16Array(160)],
      [x, values],
      [ids, BigInt64Array.of(3n, 0n)],
      [all, Int32Array.of(0, 1, 2, 3, 4)],
    ],
    [graph.rows(store, all)],
  );
  const expected = new Float32Array(160);
  expected.set(values.subarray(32), 0);
  expected.set(values.subarray(0, 32), 96);
  close(result, expected, 1e-6);
});

test('elements are mixed in groups, by a matrix that undoes itself', async () => {
  using graph = new Graph();
  // The kernel takes the matrix for Sylvester's.
  const matrix = Float32Array.of(1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1).map((sign) => sign / 2);
  const [h, input, x] = [graph.input(F32, [4, 4]), graph.input(F32, [8, 3, 2]), noise(48, 24)];
  const mixed = graph.hadamard(h, input);
  const given = [[h, matrix] as const, [input, x] as const];
  const [once, again] = await evaluate(device, graph, given, [mixed, graph.hadamard(h, mixed)]);
  close(once, naiveProduct(matrix, x, 4));
  close(again, x);
});

test('attention is a softmax over what the mask shows, with heads that share keys and values', async () => {
  using graph = new Graph();
  const [head, heads, kvHeads, n, m, scale] = [32, 4, 2, 3, 8, 0.3];
  const [q, k, v] = [noise(head * heads * n, 21), noise(head * kvHeads * m, 22), noise(head * kvHeads * m, 23)];
  const visible = (token: number, key: number): boolean => key <= token + 4 && key !== 1;
  const inputs = {
    q: graph.input(F32, [head, heads, n]),
    k: graph.input(F32, [head, kvHeads, m]),
    v: graph.input(F32, [head, kvHeads, m]),
    mask: graph.input(F16, [m, n]),
  };
  const [keys, values] = [graph.byHead(inputs.k), graph.byHead(inputs.v)];
  const attended = graph.attention(inputs.q, keys, values, { mask: inputs.mask, scale });
  assert.deepEqual(attended.shape, [head, heads, n]);
  const mask = Uint16Array.from({ length: m * n }, (_, i) => (visible(Math.floor(i / m), i % m) ? 0 : 0xfc00));
  const [result] = await evaluate(
    device,
    graph,
    [
      [inputs.q, q],
      [inputs.k, k],
      [inputs.v, v],
      [inputs.mask, mask],
    ],
    [attended],
  );

  const expected = Float32Array.from({ length: head * heads * n }, (_, i) => {
    const [element, h, token] = [i % head, Math.floor(i / head) % heads, Math.floor(i / head / heads)];
    const kv = Math.floor(h / (heads / kvHeads));
    let [sum, total] = [0, 0];
    for (let key = 0; key < m; key += 1) {
      if (!visible(token, key)) continue;
      let dot = 0;
      for (let e = 0; e < head; e += 1) {
        dot += (q[(token * heads + h) * head + e] ?? 0) * (k[(key * kvHeads + kv) * head + e] ?? 0);
      }
      total += Math.exp(scale * dot);
      sum += Math.exp(scale * dot) * (v[(key * kvHeads + kv) * head + element] ?? 0);
    }
    return sum / total;
  });
  close(result, expected, 1e-6);
});

test('scratch memory is for the widest input of a product', () => {
  using weights = new TestWeights();
  using graph = new Graph();
  const narrow = weights.add('f32', [32, 64], noise(32 * 64));
  const wide = weights.add('f32', [64, 32], noise(32 * 64));
  graph.matmul(wide, graph.matmul(narrow, graph.input(F32, [32, 5])));
  assert.equal(graph.scratchBytes, 64 * 5 * 4);
});

test('a graph of 8000 products fits', () => {
  using weights = new TestWeights();
  using graph = new Graph();
  const w = weights.add('f32', [32, 32], noise(1024));
  let x = graph.input(F32, [32, 1]);
  for (let i = 0; i < 8000; i += 1) x = graph.scale(graph.matmul(w, x), 2);
  assert.equal(graph.nodes, 16000);
  for (const from of [0, 8000]) graph.slice(from, from + 8000);
  assert.equal(loadGgml().ggml_graph_n_nodes(graph.pointer), 16000);
});
