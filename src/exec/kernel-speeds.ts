import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import type { Device } from '../ggml/device.ts';
import { F32, Graph, type Tensor } from '../ggml/graph.ts';
import { LayoutBinder } from '../ggml/kernel-layout.ts';
import { sharedBytes } from '../ggml/memory.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { KernelSpeeds } from '../plan/machine-speeds.ts';
import type { Plan } from '../plan/plan.ts';
import { streamedReads } from '../plan/token-forecast.ts';
import type { LayoutOf } from './bind-weights.ts';
import { kernelSamples, type Matrix, matricesOf } from './kernel-samples.ts';
import { repeatedSeconds } from './repeated.ts';
import { stepCosts, type UsualRead } from './step-costs.ts';

/** Bytes of weights that are measured: more than most processors' caches hold. */
const usualBytes = 96 * 2 ** 20;
/** Times that products are computed. */
const rounds = { count: 5 };
/** Tokens computed together, with this part of the weights. */
const together = { tokens: 32, part: 1 / 4 };
/** The part of the measured bytes that is enough of a kind. */
const enoughPart = 1 / 2;
/** The part of the weights that is computed step by step, and of their memory that reads take beside that. */
const stepPart = 1 / 4;
/** Speeds of products, and of steps. */
type ProductSpeeds = Omit<KernelSpeeds, 'rest' | 'choice'>;

/**
 * Measures how fast `device` multiplies one token with weights of `plan`, of each kind as many as its caches do not hold,
 * and how much longer that takes in a step for each matrix, by all threads and by half of them. It takes no more memory than
 * the plan's weights do. Reads of `files` are made beside where the plan reads. Rejects with OUT_OF_MEMORY and the errors of
 * reading.
 */
export async function kernelSpeeds(
  device: Device,
  plan: Plan,
  { layoutOf, files }: { readonly layoutOf: LayoutOf; readonly files: UsualRead['files'] },
): Promise<ProductSpeeds> {
  const { resident, ring, experts } = plan.shares;
  const most = Math.min(usualBytes, resident + ring + experts);
  const { plain, converted } = kernelSamples(plan, layoutOf, most * enoughPart);
  const read = usualRead(plan, { files, most: most * stepPart });
  const rates = {
    plain: plain.length > 0 ? await rateOf(device, plain, most) : null,
    converted: converted.length > 0 ? await rateOf(device, converted, most) : null,
  };
  // Streamed weights are converted for many tokens, experts are not.
  const many = matricesOf(plan, layoutOf, !plan.experts);
  const known = plan.experts ? rates.plain : rates.converted;
  return {
    ...rates,
    further: many.length > 0 ? await furtherPart(device, many, known, most * together.part) : 1,
    ...(await costsOf(device, plain.length > 0 ? plain : converted, { most: most * stepPart, read })),
  };
}

/** The part of the first token's time that each further token takes; `known` is the first token's speed, if it was measured. */
async function furtherPart(
  device: Device,
  matrices: readonly Matrix[],
  known: number | null,
  most: number,
): Promise<number> {
  // So few weights stay in caches, where the first token takes less than what is known says.
  const first = await rateOf(device, matrices, most);
  const rate = known ?? first;
  const all = await rateOf(device, matrices, most, together.tokens);
  return Math.min(1, Math.max(0, (rate / all - rate / first) / (together.tokens - 1)));
}

/** Bytes of weights, as they are in the file, a second, for `tokens` at once. */
const rateOf = (device: Device, matrices: readonly Matrix[], most: number, tokens: number = 1): Promise<number> =>
  withProducts(device, matrices, { most, tokens }, async (graph, bytes) => {
    return bytes / (await repeatedSeconds(device, graph.pointer, rounds));
  });

/** The costs of steps, with all threads and with half of them. */
function costsOf(
  device: Device,
  matrices: readonly Matrix[],
  { most, read }: { readonly most: number; readonly read: UsualRead | undefined },
): Promise<Pick<KernelSpeeds, 'step' | 'core' | 'half'>> {
  return withProducts(device, matrices, { most, tokens: 1 }, async (graph) => {
    const steps = Array.from({ length: graph.nodes }, (_, i) => graph.slice(i, i + 1));
    const graphs = { whole: graph.pointer, steps };
    const { whole, ...all } = await stepCosts(device, graphs, { threads: device.threads, read });
    // Those of a GPU do not compute.
    if (device.threads === 1 || device.kind !== 'cpu') return { ...all, half: { ...all, slower: 1 } };
    const half = await stepCosts(device, graphs, { threads: Math.ceil(device.threads / 2), read });
    return { ...all, half: { step: half.step, core: half.core, slower: Math.max(1, half.whole / whole) } };
  });
}

/** The read that a pass makes most often; undefined where it makes none. */
function usualRead(plan: Plan, parts: Omit<UsualRead, 'bytes'>): UsualRead | undefined {
  const { count, bytes } = streamedReads(plan);
  const { weights = [], expertBytes = 0 } = plan.experts?.banks[0] ?? {};
  if (weights.length > 0) return { ...parts, bytes: expertBytes / weights.length };
  return count > 0 ? { ...parts, bytes: bytes / count } : undefined;
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
