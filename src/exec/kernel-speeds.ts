import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { F32, Graph, type Tensor } from '../ggml/graph.ts';
import { type KernelLayout, LayoutBinder } from '../ggml/kernel-layout.ts';
import { sharedBytes } from '../ggml/memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { GgmlType } from '../gguf/types.ts';
import type { Plan } from '../plan/plan.ts';
import type { KernelSpeeds } from '../plan/token-forecast.ts';
import type { LayoutOf } from './bind-weights.ts';
import { repeatedSeconds } from './repeated.ts';

/** Bytes of weights that are measured: more than most processors' caches hold. */
const usualBytes = 96 * 2 ** 20;
/** Times that products are computed, and a step of next to nothing, a millisecond after the one before. */
const rounds = { products: { count: 5 }, step: { count: 16, pause: 1 } };
/** Tokens computed together, with this part of the weights: caches do not matter to so many. */
const together = { tokens: 32, part: 1 / 16 };
/** Speeds of products, and of steps. */
type ProductSpeeds = Omit<KernelSpeeds, 'rest' | 'choice'>;

const small = { type: F32, shape: [64, 64] };

interface Matrix {
  readonly type: GgmlType;
  readonly shape: readonly [number, number];
  /** Bytes in memory, and in the file. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly layout: KernelLayout | undefined;
}

/**
 * Measures how fast `device` multiplies one token with weights of `plan`, of each kind as many as its caches do not hold,
 * and how long a step takes that computes next to nothing, by threads that slept before and by such that did not. It takes
 * no more memory than the plan's weights do. Throws OUT_OF_MEMORY.
 */
export async function kernelSpeeds(device: Device, plan: Plan, layoutOf: LayoutOf): Promise<ProductSpeeds> {
  const matrices = matricesOf(plan, layoutOf);
  const plain = matrices.filter(({ layout }) => !layout);
  const converted = matrices.filter(({ layout }) => layout);
  const { resident, ring, experts } = plan.shares;
  const most = Math.min(usualBytes, resident + ring + experts);
  const rates = {
    plain: plain.length > 0 ? await rateOf(device, plain, most) : null,
    converted: converted.length > 0 ? await rateOf(device, converted, most) : null,
  };
  const [rate, likelier] = rates.converted === null ? [rates.plain, plain] : [rates.converted, converted];
  return {
    ...rates,
    further: rate === null ? 1 : await furtherPart(device, likelier, rate, most * together.part),
    step: await stepSeconds(device, { awake: false }),
    stepAwake: await stepSeconds(device, { awake: true }),
  };
}

/** The matrices that products are made with: of a bank of experts one. */
const matricesOf = ({ slices, placements }: Plan, layoutOf: LayoutOf): readonly Matrix[] =>
  slices
    .filter(({ shape }) => shape.length > 1)
    .map((slice) => {
      const { weight, shape, extent, id } = slice;
      const layout = at(placements, id).kind === 'converted' ? layoutOf(slice) : undefined;
      const count = shape.slice(2).reduce((product, n) => product * n, 1);
      const fileBytes = extent.length / count;
      const bytes = layout ? layout.bytes / count : fileBytes;
      return { type: weight.type, shape: [at(shape, 0), at(shape, 1)], bytes, fileBytes, layout } as const;
    });

/** The part of the first token's time, of which `rate` is the speed, that each further token takes. */
async function furtherPart(device: Device, matrices: readonly Matrix[], rate: number, most: number): Promise<number> {
  const times = rate / (await rateOf(device, matrices, most, together.tokens));
  return Math.min(1, Math.max(0, (times - 1) / (together.tokens - 1)));
}

/**
 * Bytes of weights, as they are in the file, a second, for `tokens` at once: of the first ones, `most` bytes of memory at
 * most but for one.
 */
async function rateOf(device: Device, matrices: readonly Matrix[], most: number, tokens: number = 1): Promise<number> {
  const places: number[] = [];
  let end = 0;
  for (const { bytes } of matrices) {
    if (end > 0 && end + bytes > most) break;
    places.push(end);
    end = alignUp(end + bytes, 64);
  }
  using memory = device.memoryFor(end, 'a measurement');
  // Pages that were never written to are one page of zeros.
  memory.clear();
  using tensors = new TensorSet(places.length);
  using binder = new LayoutBinder();
  using graph = new Graph();
  const inputs = new Map<number, Tensor>();
  for (const [i, place] of places.entries()) {
    const { type, shape, layout } = at(matrices, i);
    const pointer = tensors.add(type.id, shape);
    if (layout) binder.place(layout, pointer, sharedBytes(memory).address(place));
    else memory.place(pointer, place);
    const x = inputs.get(shape[0]) ?? graph.input(F32, [shape[0], tokens]);
    inputs.set(shape[0], x);
    graph.matmul({ shape, slices: [{ pointer, shape, slice: i }] }, x);
  }
  const bytes = places.reduce((sum, _, i) => sum + at(matrices, i).fileBytes, 0);
  using allocator = new GraphAllocator(device.bufferType);
  allocator.allocate(graph);
  return bytes / (await repeatedSeconds(device, graph.pointer, rounds.products));
}

async function stepSeconds(device: Device, { awake }: { readonly awake: boolean }): Promise<number> {
  using graph = new Graph();
  const [a, b] = [graph.input(small.type, small.shape), graph.input(small.type, small.shape)];
  graph.add(a, b);
  using allocator = new GraphAllocator(device.bufferType);
  allocator.allocate(graph);
  return await repeatedSeconds(device, graph.pointer, { ...rounds.step, awake });
}
