import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { F32, Graph } from '../ggml/graph.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { type GgmlType, rowBytes } from '../gguf/types.ts';

/** More than the caches of most processors hold. */
const weightBytes = 64 * 2 ** 20;
const width = 4096;
const rounds = 3;

/** Bytes of weights of `type` that `device` multiplies a single token with in a second. Throws OUT_OF_MEMORY. */
export async function kernelRate(device: Device, type: GgmlType): Promise<number> {
  const rows = Math.floor(weightBytes / rowBytes(type, width));
  const bytes = rows * rowBytes(type, width);
  using memory = device.memoryFor(bytes, 'a measurement');
  // Pages that were never written to are one page of zeros.
  memory.clear();
  using tensors = new TensorSet(1);
  const weight = tensors.add(type.id, [width, rows]);
  memory.place(weight, 0);
  using graph = new Graph();
  const x = graph.input(F32, [width, 1]);
  graph.matmul({ shape: [width, rows], slices: [{ pointer: weight, shape: [width, rows], slice: 0 }] }, x);
  using allocator = new GraphAllocator();
  allocator.allocate(graph);
  let best = 0;
  for (let i = 0; i < rounds; i += 1) {
    const began = performance.now();
    await device.compute(graph.pointer);
    best = Math.max(best, bytes / ((performance.now() - began) / 1000));
  }
  return best;
}
