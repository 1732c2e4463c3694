import assert from 'node:assert/strict';
import type { RandomModelSpec } from '../../bench/random-model.ts';
import { ownArchitectures } from '../../src/arch/registry.ts';
import { Disposer } from '../../src/base/disposer.ts';
import { bindWeights, type LayoutOf } from '../../src/exec/bind-weights.ts';
import { Forward, type ForwardParts } from '../../src/exec/forward.ts';
import { computeBytes, type GraphOutline, manifestOf } from '../../src/exec/measure.ts';
import { OwnGraphs } from '../../src/exec/own-graphs.ts';
import { CpuDevice } from '../../src/ggml/cpu-device.ts';
import type { KernelLayout } from '../../src/ggml/kernel-layout.ts';
import { pageBytes } from '../../src/ggml/system.ts';
import { type ModelFile, openModelFile } from '../../src/gguf/model-file.ts';
import { Pager } from '../../src/pager/pager.ts';
import { type ReadAt, Reader } from '../../src/pager/reader.ts';
import { arenaBytes, Residents } from '../../src/pager/residents.ts';
import { Ring } from '../../src/pager/ring.ts';
import { makePlan } from '../../src/plan/make-plan.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Slice } from '../../src/plan/slices.ts';
import { kvBytes } from '../../src/state/kv-shape.ts';
import type { KvStore } from '../../src/state/kv-store.ts';
import { thrown } from './engine-error.ts';
import { writeRandom } from './model-files.ts';
import { shared } from './shared.ts';
import { sharedPath } from './temp-folder.ts';

/** The CPU, with one thread. */
export const device: CpuDevice = shared(new CpuDevice(1));

/** Matrices of 0.3 to 1.2 KiB, and an output in slices of 32: pages that hold little stand beside full ones. */
export const spec: RandomModelSpec = {
  architecture: 'llama',
  layers: 12,
  width: 32,
  heads: 4,
  kvHeads: 2,
  feedForward: 64,
  vocabulary: 1024,
  type: (tensor) => (tensor === 'output.weight' ? 'f32' : 'q4_0'),
};
const path = writeRandom(sharedPath('model.gguf'), spec);

function outlineOf(file: ModelFile): GraphOutline {
  const architecture = ownArchitectures.get(file.metadata.string('general.architecture')) ?? assert.fail();
  const config = architecture.config(file.metadata);
  return { stages: architecture.stages(config), weights: file.weights, kv: { ...config, context: 64, type: 'f16' } };
}

/** Layouts of weights: all as in the file, or the fastest. */
export const plainLayouts = (): undefined => undefined;
export const fastLayouts = ({ weight, shape }: Slice): KernelLayout | undefined =>
  shape.length === 2 ? device.layoutFor(weight.type.id, shape) : undefined;

/** A plan with `extra` bytes more than the smallest. */
function planFor(outline: GraphOutline, extra: number, layoutOf: LayoutOf): Plan {
  const demand = {
    context: outline.kv.context,
    runtime: 0,
    kv: () => kvBytes(outline.kv),
    page: pageBytes,
    manifest: manifestOf(outline),
    compute: (tokens: number, slices: Plan['slices']) => computeBytes(outline, slices, tokens, { threads: 2 }),
    converted: (slice: Slice) => layoutOf(slice)?.bytes,
  };
  const { needed } = thrown('BUDGET_TOO_SMALL', () => makePlan({ ...demand, budget: 1 })).details;
  return makePlan({ ...demand, budget: needed + extra });
}

/** Calls `use` with the model in memory, streamed as far as it does not fit. */
export async function withModel(
  extra: number,
  use: (forward: Forward, kv: KvStore, plan: Plan, pager: Pager) => Promise<void>,
  {
    readAt,
    layoutOf = plainLayouts,
    ahead = false,
    on = device,
  }: { readAt?: ReadAt; layoutOf?: LayoutOf; ahead?: boolean; on?: ForwardParts['device'] } = {},
): Promise<void> {
  using disposer = new Disposer();
  const file = openModelFile(path);
  const outline = outlineOf(file);
  const plan = planFor(outline, extra, layoutOf);
  await using reader = new Reader(file.files, { inFlight: 3, chunkBytes: 4 * pageBytes, ...(readAt && { readAt }) });
  const arena = disposer.use(device.memoryFor(arenaBytes(plan), 'a test'));
  const ring = disposer.use(device.memoryFor(plan.shares.ring, 'a test'));
  const memory = { arena, ring, layoutOf };
  const weights = bindWeights(plan, file.weights, memory, disposer);
  const residents = new Residents(plan, reader, { arena, ring, tensors: weights.tensors });
  if (ahead) await residents.load();
  const pager = new Pager({ weightRing: new Ring(reader), kvRing: new Ring(reader), residents });
  const kvRingMemory = disposer.use(device.memoryFor(0, 'a test'));
  const parts = {
    stages: outline.stages,
    plan,
    file: file.weights,
    weights,
    device,
    reader,
    pager,
    kvRingMemory,
    kv: { shape: outline.kv, file: 0 },
  };
  const graphs = disposer.use(new OwnGraphs(parts));
  const forward = new Forward({ graphs, pager, device: on });
  await use(forward, disposer.use(graphs.newState()), plan, pager);
}

/** Tokens of a text. */
export const prompt: readonly number[] = [3, 1, 4, 1, 5, 9, 2, 6];

/** The logits after the prompt and after one more token. */
export async function logitsOf(forward: Forward, kv: KvStore): Promise<readonly Float32Array[]> {
  const first = (await forward.run([{ state: kv, start: 0, tokens: prompt, logits: 'all' }])).slice();
  return [first, (await forward.run([{ state: kv, start: prompt.length, tokens: [7], logits: 'last' }])).slice()];
}
