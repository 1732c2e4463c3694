import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { thrown } from '../../test/support/engine-error.ts';
import { noise, TestWeights } from '../../test/support/tensors.ts';
import { GraphAllocator, measureGraph } from './allocator.ts';
import { loadGgml } from './api.ts';
import { F32, Graph, type Tensor } from './graph.ts';
import { NoMemory } from './host-memory.ts';
import { loadLibraries } from './library.ts';

/** The bytes that ggml takes for the graph's intermediate tensors once they are placed. */
function taken(graph: Graph): number {
  const api = loadGgml();
  const size = loadLibraries().base.func('size_t ggml_gallocr_get_buffer_size(void *, int)');
  const allocator = api.ggml_gallocr_new(api.ggml_backend_cpu_buffer_type());
  try {
    assert.ok(api.ggml_gallocr_alloc_graph(allocator, graph.pointer));
    return Number(size(allocator, 0));
  } finally {
    api.ggml_gallocr_free(allocator);
  }
}

test('what is measured is what placing the graph takes', () => {
  const anySizes = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 6 });
  using weights = new TestWeights();
  const w = weights.add('q8_0', [64, 64], noise(64 * 64));
  fc.assert(
    fc.property(anySizes, fc.integer({ min: 1, max: 200 }), (sizes, columns) => {
      using graph = new Graph();
      let x: Tensor = graph.input(F32, [64, columns]);
      for (const size of sizes) {
        const wide = Array.from({ length: size }, () => graph.matmul(w, x)).reduce((a, b) => graph.concat(0, a, b));
        x = graph.contiguous(graph.view(graph.tanh(wide), [64, columns], [64 * size * 4], 0));
      }
      graph.output(x);
      assert.equal(measureGraph(graph), taken(graph));
    }),
  );
});

test('memory is reused: a chain of operations takes no more than three of its tensors', () => {
  using graph = new Graph();
  let x: Tensor = graph.input(F32, [1024, 16]);
  for (let i = 0; i < 100; i += 1) x = graph.add(graph.scale(x, 2), x);
  const bytes = measureGraph(graph);
  assert.ok(bytes >= 1024 * 16 * 4 && bytes <= 3 * 1024 * 16 * 4, `${bytes} bytes`);
});

test('weights without memory behind them can be measured with', () => {
  using memory = new NoMemory();
  using graph = new Graph();
  const pointer = graph.input(F32, [4096, 2 ** 20]).pointer;
  memory.place(pointer);
  const w = { shape: [4096, 2 ** 20], slices: [{ pointer, shape: [4096, 2 ** 20], slice: 0 }] };
  graph.matmul(w, graph.input(F32, [4096, 1]));
  const logits = 2 ** 20 * 4;
  assert.ok(measureGraph(graph) >= logits && measureGraph(graph) < 1.1 * logits);
});

test('an allocator serves one graph after the other, smaller and larger', () => {
  using allocator = new GraphAllocator();
  for (const columns of [4, 1, 64, 2]) {
    using graph = new Graph();
    graph.output(graph.scale(graph.input(F32, [256, columns]), 3));
    allocator.allocate(graph);
  }
});

test('a graph that memory does not suffice for is OUT_OF_MEMORY with the bytes that it takes', () => {
  using allocator = new GraphAllocator();
  using graph = new Graph();
  graph.scale(graph.input(F32, [2 ** 30, 2 ** 20]), 2);
  const { bytes } = thrown('OUT_OF_MEMORY', () => allocator.allocate(graph)).details;
  assert.ok(bytes >= 2 ** 52, `${bytes}`);
});
