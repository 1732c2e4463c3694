import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { F32, Graph, type Tensor } from '../ggml/graph.ts';
import { LayoutBinder } from '../ggml/kernel-layout.ts';
import { sharedBytes } from '../ggml/memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import { awake } from '../plan/awake-threads.ts';
import type { KernelSpeeds } from '../plan/machine-speeds.ts';
import type { Plan } from '../plan/plan.ts';
import type { LayoutOf } from './bind-weights.ts';
import { kernelSamples, type Matrix, matricesOf } from './kernel-samples.ts';
import { repeatedSeconds, steppedSeconds } from './repeated.ts';

/** Bytes of weights that are measured: more than most processors' caches hold. */
const usualBytes = 96 * 2 ** 20;
/** Times that products are computed. */
const rounds = { count: 5, steps: 12 };
/** Tokens computed together, with this part of the weights. */
const together = { tokens: 32, part: 1 / 4 };
/** The part of the measured bytes that is enough of a kind. */
const enoughPart = 1 / 2;
/** The part of the weights that is computed step by step. */
const stepPart = 1 / 4;
/** Speeds of products, and of steps; nothing is read. */
interface ProductSpeeds extends Pick<KernelSpeeds, 'plain' | 'converted' | 'further' | 'step'> {
  readonly half: Pick<KernelSpeeds['half'], 'step' | 'slower'>;
}

/**
 * Measures how fast `device` multiplies one token with weights of `plan`, of each kind as many as its caches do not hold,
 * and how much longer that takes in a step for each matrix, by all threads and by half of them. It takes no more memory than
 * the plan's weights, keys, values and results do. Rejects with OUT_OF_MEMORY.
 */
export async function kernelSpeeds(device: Device, plan: Plan, layoutOf: LayoutOf): Promise<ProductSpeeds> {
  const { resident, ring, experts, kv, compute } = plan.shares;
  const most = Math.min(usualBytes, resident + ring + experts + kv + compute);
  const { plain, converted } = kernelSamples(plan, layoutOf, most * enoughPart);
  const rates = {
    plain: plain.length > 0 ? await rateOf(device, plain, most) : null,
    converted: converted.length > 0 ? await rateOf(device, converted, most) : null,
  };
  // Streamed weights are converted for many tokens, experts are not.
  const many = matricesOf(plan, layoutOf, !plan.experts);
  const known = plan.experts ? rates.plain : (rates.converted ?? rates.plain);
  return {
    ...rates,
    further: many.length > 0 ? await furtherPart(device, many, known, most * together.part) : 1,
    ...(await stepCosts(device, plain.length > 0 ? plain : converted, most * stepPart)),
  };
}

/** The part of the first token's time that each further token takes; `known` is the first token's speed, if it was measured. */
async function furtherPart(
  device: Device,
  matrices: readonly Matrix[],
  known: number | null,
  most: number,
): Promise<number> {
  const before = await rateOf(device, matrices, most);
  const all = await rateOf(device, matrices, most, together.tokens);
  // So few weights stay in caches, where the first token takes less than what is known says.
  const first = Math.max(known ?? 0, before, await rateOf(device, matrices, most));
  const rate = known ?? first;
  return Math.min(1, Math.max(0, (rate / all - rate / first) / (together.tokens - 1)));
}

/** Bytes of weights, as they are in the file, a second, for `tokens` at once. */
const rateOf = (device: Device, matrices: readonly Matrix[], most: number, tokens: number = 1): Promise<number> =>
  withProducts(device, matrices, { most, tokens }, async (graph, bytes) => {
    return bytes / (await repeatedSeconds(device, graph.pointer, rounds));
  });

/** Seconds of a step beside its product, by all threads and by half of them, and times that products take those as long. */
function stepCosts(
  device: Device,
  matrices: readonly Matrix[],
  most: number,
): Promise<Pick<ProductSpeeds, 'step' | 'half'>> {
  return withProducts(device, matrices, { most, tokens: 1 }, async (graph) => {
    const steps = Array.from({ length: graph.nodes }, (_, i) => graph.slice(i, i + 1));
    const costs = async (threads: number) => {
      const whole = await repeatedSeconds(device, graph.pointer, { ...rounds, threads });
      const way = { threads, awake: whole < awake.seconds * steps.length };
      const stepped = await steppedSeconds(device, steps, { count: rounds.steps, ...way });
      return { whole, step: Math.max(0, stepped - whole) / steps.length };
    };
    const all = await costs(device.threads);
    // Threads of a GPU do not compute.
    const halves = device.kind === 'cpu' && device.threads > 1;
    const half = halves ? await costs(Math.ceil(device.threads / 2)) : all;
    return { step: all.step, half: { step: half.step, slower: Math.max(1, half.whole / all.whole) } };
  });
}

/**
 * Does something with a graph of products, and the bytes of their weights in the file: of the first matrices, `most` bytes of
 * memory at most but for one.
 */
async function withProducts<T>(
  device: Device,
  matrices: readonly Matrix[],
  { most, tokens }: { readonly most: number; readonly tokens: number },
  measure: (graph: Graph, bytes: number) => Promise<T>,
): Promise<T> {
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
  using allocator = new GraphAllocator(device.bufferType);
  allocator.allocate(graph);
  return await measure(
    graph,
    places.reduce((sum, _, i) => sum + at(matrices, i).fileBytes, 0),
  );
}
