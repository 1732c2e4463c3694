import { quantize } from '../../bench/quantize.ts';
import { Disposer } from '../../src/base/disposer.ts';
import { GraphAllocator } from '../../src/ggml/allocator.ts';
import { loadGgml } from '../../src/ggml/api.ts';
import type { Device } from '../../src/ggml/device.ts';
import type { Graph, SliceTensor, Tensor, WeightTensor } from '../../src/ggml/graph.ts';
import { HostMemory } from '../../src/ggml/host-memory.ts';
import type { Pointer } from '../../src/ggml/library.ts';
import type { Memory } from '../../src/ggml/memory.ts';
import { TensorSet } from '../../src/ggml/tensor-set.ts';
import { elementCount } from '../../src/gguf/weight.ts';
import { existingType } from './weights.ts';

/** Gives a tensor its data, which are copied. */
export function setTensor({ pointer }: { readonly pointer: Pointer }, data: ArrayBufferView): void {
  loadGgml().ggml_backend_tensor_set(pointer, data, 0, data.byteLength);
}

/** The elements of a float32 tensor. */
export function floatsOf({ pointer, shape }: Tensor): Float32Array {
  const floats = new Float32Array(elementCount(shape));
  loadGgml().ggml_backend_tensor_get(pointer, floats, 0, floats.byteLength);
  return floats;
}

/** Memory where no device is needed. */
export const someMemory = { memoryFor: (bytes: number, what: string): Memory => new HostMemory(bytes, what) };

/** `n` numbers in [-1, 1) that look random; the same every time for the same seed. */
export function noise(n: number, seed = 1): Float32Array {
  const values = new Float32Array(n);
  for (let i = 0; i < n; i += 1) {
    // The last steps of MurmurHash3.
    let word = Math.imul(seed, 0x9e3779b9) + i + 1;
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    values[i] = (word ^ (word >>> 16)) / 2 ** 31;
  }
  return values;
}

/** Weights in memory of their own, as long as it is not disposed. */
export class TestWeights implements Disposable {
  readonly #disposer = new Disposer();
  #slices = 0;

  /** A weight of `shape` with these elements, in one slice or in one for each count of rows. */
  add(
    typeName: string,
    shape: readonly number[],
    values: Float32Array,
    rows: readonly number[] = [shape[1] ?? 1],
  ): WeightTensor {
    const [width = 1] = shape;
    const { id, ...type } = existingType(typeName);
    let from = 0;
    const slices = rows.map((n): SliceTensor => {
      const own = shape.length === 1 ? shape : [width, n];
      const pointer = this.#disposer.use(new TensorSet(1)).add(id, own);
      const data = quantize({ id, ...type }, values.slice(from * width, (from + n) * width), width);
      this.#disposer.use(new HostMemory(data.length, 'a test')).place(pointer, 0);
      setTensor({ pointer }, data);
      from += n;
      this.#slices += 1;
      return { pointer, shape: own, slice: this.#slices - 1 };
    });
    return { shape, slices };
  }

  [Symbol.dispose](): void {
    this.#disposer[Symbol.dispose]();
  }
}

/** Gives the graph memory and its inputs their data, computes it, and returns what is in `outputs`, float32. */
export async function evaluate(
  device: Device,
  graph: Graph,
  inputs: readonly (readonly [Tensor, ArrayBufferView])[],
  outputs: readonly Tensor[],
): Promise<readonly Float32Array[]> {
  for (const output of outputs) graph.output(output);
  using allocator = new GraphAllocator();
  allocator.allocate(graph);
  for (const [tensor, data] of inputs) setTensor(tensor, data);
  await device.compute(graph.pointer);
  return outputs.map(floatsOf);
}
