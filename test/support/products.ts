// Prints, as JSON, the CPU variant that the first argument asks for and some products that it computes.

import { CpuDevice } from '../../src/ggml/cpu-device.ts';
import { chooseCpuVariant } from '../../src/ggml/cpu-variant.ts';
import { F32, Graph } from '../../src/ggml/graph.ts';
import { evaluate, noise, TestWeights } from './tensors.ts';

const [width, rows] = [512, 64];
const [variant = ''] = process.argv.slice(2);
if (variant !== '') chooseCpuVariant(variant);
using device = new CpuDevice(1);
using weights = new TestWeights();
const products: number[] = [];
for (const type of ['f32', 'f16', 'q4_0', 'q6_K']) {
  using graph = new Graph();
  const weight = weights.add(type, [width, rows], noise(width * rows));
  const x = graph.input(F32, [width, 1]);
  const [product = new Float32Array()] = await evaluate(
    device,
    graph,
    [[x, noise(width, 2)]],
    [graph.matmul(weight, x)],
  );
  products.push(...product);
}
console.log(JSON.stringify({ variant: device.variant, products }));
