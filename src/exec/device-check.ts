import { Disposer } from '../base/disposer.ts';
import { EngineError } from '../base/errors.ts';
import { nmse } from '../base/nmse.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { readTensor, writeTensor } from '../ggml/data.ts';
import type { Device } from '../ggml/device.ts';
import { F16, F32, Graph, I32, type Tensor, type WeightTensor } from '../ggml/graph.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { rowBytes, typeNamed } from '../gguf/types.ts';

const [width, heads, head, feedForward, tokens, rows] = [256, 4, 64, 512, 3, 256];
const rope = { dims: head, mode: 0, originalContext: 4096, base: 1e4, scale: 1 } as const;
const rotation = { ...rope, extFactor: 0, attnFactor: 1, betaFast: 32, betaSlow: 1 };
/** Devices round activations in other ways than the CPU, by 2e-3 at most; wrong results differ by as much as they are. */
const mostDifference = 1e-2;

/**
 * Computes a layer with random weights on a device and on the CPU, and returns the normalised error. Throws DEVICE_FAILED
 * where the results differ by more than rounding, or there are none.
 */
export function checkDevice(device: Device): number {
  using cpu = new CpuDevice(1);
  const difference = nmse(layerOn(device), layerOn(cpu));
  // NaN is no small difference.
  if (difference <= mostDifference) return difference;
  const reason = `a test of it differs from the CPU's result by ${difference.toPrecision(2)} of its size`;
  throw new EngineError('DEVICE_FAILED', { device: device.name, reason });
}

function layerOn(device: Device): Float32Array {
  using owner = new Disposer();
  const layer = new TestLayer(device, owner);
  const { graph } = layer;
  const x = graph.input(F32, [width, tokens]);
  const positions = graph.input(I32, [tokens]);
  const mask = graph.input(F16, [rows, tokens]);
  const past = { k: graph.input(F32, [head, rows, heads]), v: graph.input(F32, [head, rows, heads]) };
  const normed = graph.rmsNorm(x, 1e-5);
  const split = graph.reshape(graph.matmul(layer.weight('q4_0', [width, width]), normed), [head, heads, tokens]);
  const q = graph.rope(split, positions, rotation);
  const attended = graph.attention(q, graph.cast(past.k, F16), graph.cast(past.v, F16), {
    mask,
    scale: 1 / Math.sqrt(head),
  });
  const projected = graph.matmul(layer.weight('q8_0', [width, width]), graph.reshape(attended, [width, tokens]));
  const joined = graph.add(x, projected);
  const [gate, up] = ['q4_0', 'q8_0'].map((type) => graph.matmul(layer.weight(type, [width, feedForward]), joined));
  const wide = graph.swiglu(gate as Tensor, up as Tensor);
  const result = graph.output(graph.add(joined, graph.matmul(layer.weight('f16', [feedForward, width]), wide)));
  owner.use(new GraphAllocator(device.bufferType)).allocate(graph);
  for (const { pointer, shape } of [x, past.k, past.v]) writeTensor(pointer, layer.floats(shape));
  writeTensor(
    positions.pointer,
    Int32Array.from({ length: tokens }, (_, i) => 7 + i),
  );
  writeTensor(mask.pointer, new Uint16Array(rows * tokens));
  device.computeNow(graph.pointer);
  const floats = new Float32Array(width * tokens);
  readTensor(result.pointer, floats);
  return floats;
}

/** A graph on a device, and random weights, the same ones each time. */
class TestLayer {
  readonly graph: Graph;
  readonly #device: Device;
  readonly #owner: Disposer;
  readonly #tensors: TensorSet;
  #seed = 1;

  constructor(device: Device, owner: Disposer) {
    this.#device = device;
    this.#owner = owner;
    this.graph = owner.use(new Graph(256));
    this.#tensors = owner.use(new TensorSet(8));
  }

  floats(shape: readonly number[]): Float32Array {
    return Float32Array.from({ length: shape.reduce((product, n) => product * n, 1) }, () => this.#byte() / 256 - 0.5);
  }

  weight(name: string, shape: readonly [number, number]): WeightTensor {
    const type = typeNamed(name);
    if (!type) throw new RangeError(`there is no type ${name}`);
    const data = Uint8Array.from({ length: rowBytes(type, shape[0]) * shape[1] }, () => this.#byte());
    // Blocks begin with a float16: the scale, or the only element.
    for (let block = 0; block < data.length; block += type.bytes) data[block + 1] = 0x1c;
    const memory = this.#owner.use(
      this.#device.memoryFor(data.length + this.#device.paddingOf({ weight: { type }, shape }), 'a test of the device'),
    );
    const pointer = this.#tensors.add(type.id, shape);
    memory.place(pointer, 0);
    writeTensor(pointer, data);
    return { shape, slices: [{ pointer, shape, slice: 0 }] };
  }

  #byte(): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return this.#seed >>> 24;
  }
}
