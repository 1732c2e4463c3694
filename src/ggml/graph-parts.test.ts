import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import koffi, { type KoffiFunc } from 'koffi';
import { shared } from '../../test/support/shared.ts';
import { evaluate, floatsOf, noise, setTensor, TestWeights } from '../../test/support/tensors.ts';
import { GraphAllocator } from './allocator.ts';
import { loadGgml } from './api.ts';
import { Context } from './context.ts';
import { CpuDevice } from './cpu-device.ts';
import { F16, F32, Graph, type Tensor, type WeightTensor } from './graph.ts';
import { copyOf } from './graph-view.ts';
import { loadLibraries } from './library.ts';

const device = shared(new CpuDevice(1));

/** Some layers of a model: norms, matrices in slices, an activation. */
function layers(graph: Graph, x: Tensor, norm: WeightTensor, up: WeightTensor, down: WeightTensor): Tensor {
  let y = x;
  for (let i = 0; i < 3; i += 1) {
    const hidden = graph.matmul(up, graph.mulWeight(graph.rmsNorm(y, 1e-5), norm));
    y = graph.add(y, graph.matmul(down, graph.swiglu(hidden, graph.tanh(hidden))));
  }
  return y;
}

test('a graph in parts, computed one after the other, gives what the whole gives', async () => {
  using weights = new TestWeights();
  const [width, hidden, columns] = [64, 96, 4];
  const norm = weights.add('f32', [width], noise(width, 5));
  const up = weights.add('q8_0', [width, hidden], noise(width * hidden, 6), [32, 32, 32]);
  const down = weights.add('f16', [hidden, width], noise(width * hidden, 7), [32, 32]);
  const x = noise(width * columns, 8);
  using whole = new Graph();
  const input = whole.input(F32, [width, columns]);
  const [expected] = await evaluate(device, whole, [[input, x]], [layers(whole, input, norm, up, down)]);

  const anyCuts = fc.uniqueArray(fc.integer({ min: 1, max: whole.nodes - 1 }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(anyCuts, fc.boolean(), async (cuts, copied) => {
      using context = new Context(2 ** 20);
      using graph = new Graph();
      using allocator = new GraphAllocator();
      const own = graph.input(F32, [width, columns]);
      const output = graph.output(layers(graph, own, norm, up, down));
      const ends = [...cuts.sort((a, b) => a - b), graph.nodes];
      const parts = ends.map((to, i) => {
        const from = ends[i - 1] ?? 0;
        return copied ? copyOf(context.pointer, graph.pointer, from, to) : graph.slice(from, to);
      });
      allocator.allocate(graph);
      setTensor(own, x);
      for (const part of parts) await device.compute(part);
      assert.deepEqual(floatsOf(output), expected);
    }),
    { numRuns: 20 },
  );
});

test('a part of a graph knows what may be joined, as the whole does', { skip: process.platform === 'win32' }, () => {
  using weights = new TestWeights();
  using graph = new Graph();
  const norm = weights.add('f32', [64], noise(64, 5));
  const normed = graph.rmsNorm(graph.scale(graph.input(F32, [64, 2]), 2), 1e-5);
  const product = graph.scale(graph.mulWeight(normed, norm), 3);
  const used = graph.add(product, graph.rmsNorm(product, 1e-5));
  graph.mulWeight(used, norm);
  const mayJoin = loadLibraries().base.func(
    'bool ggml_can_fuse_subgraph_ext(void *, int *, int, int *, int *, int)',
  ) as KoffiFunc<
    (graph: bigint, nodes: number[], count: number, ops: number[], outputs: number[], n: number) => boolean
  >;
  const opOffset = 80n;
  /** True if node `i` of a graph is of use to the next one only. */
  const joins = (nodes: bigint, i: number): boolean => {
    const ops = [i, i + 1].map((node) => koffi.decode(loadGgml().ggml_graph_node(nodes, node) + opOffset, 'int'));
    return mayJoin(nodes, [i, i + 1], 2, ops, [i + 1], 1);
  };
  const [from, to] = [1, graph.nodes];
  const part = graph.slice(from, to);
  const answers = Array.from({ length: to - from - 1 }, (_, i) => joins(part, i));
  assert.deepEqual(
    answers,
    answers.map((_, i) => joins(graph.pointer, from + i)),
  );
  assert.deepEqual(answers, [true, true, false, true, true]);
});

test('attention gives the same bits on any number of threads, but where the graph says that it depends on it', async () => {
  const [head, heads] = [32, 2];
  const bitsOn = async (threads: number, n: number, m: number): Promise<{ bits: Float32Array; bound: boolean }> => {
    using device = new CpuDevice(threads);
    using graph = new Graph();
    const inputs = [
      [head, heads, n],
      [head, m, heads],
      [head, m, heads],
    ] as const;
    const [q, k, v] = inputs.map((shape, i) => graph.input(i === 0 ? F32 : F16, shape)) as [Tensor, Tensor, Tensor];
    const mask = graph.input(F16, [m, n]);
    const attended = graph.attention(q, k, v, { mask, scale: 0.2 });
    const halves = (length: number): Uint16Array =>
      Uint16Array.from(noise(length), (x) => 0x3000 + (x > 0 ? 1 : 0x8000));
    const given = [
      [q, noise(head * heads * n, 31)],
      [k, halves(head * heads * m)],
      [v, halves(head * heads * m)],
      [mask, new Uint16Array(m * n)],
    ] as const;
    const [bits = new Float32Array()] = await evaluate(device, graph, given, [attended]);
    return { bits, bound: graph.threadBound.length > 0 };
  };
  for (const [n, m] of [
    [1, 256],
    [1, 511],
    [2, 600],
    [5, 512],
    [63, 256],
  ] as const) {
    const [one, two, three] = [await bitsOn(1, n, m), await bitsOn(2, n, m), await bitsOn(3, n, m)];
    assert.deepEqual([two, three], [one, one], `${n} queries, ${m} keys`);
    assert.equal(one.bound, false);
  }
  assert.equal((await bitsOn(1, 1, 512)).bound, true);
  assert.equal((await bitsOn(1, 64, 256)).bound, true);
});
