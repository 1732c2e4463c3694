import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { dequantize, quantize } from '../../bench/quantize.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { patternAt } from '../../test/support/pattern.ts';
import { shared } from '../../test/support/shared.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { existingType, weightOf } from '../../test/support/weights.ts';
import { Disposer } from '../base/disposer.ts';
import { nmse } from '../base/nmse.ts';
import { GraphAllocator } from '../ggml/allocator.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { readTensor, writeTensor } from '../ggml/data.ts';
import { F32, Graph, type SliceTensor } from '../ggml/graph.ts';
import { LayoutMemory } from '../ggml/host-memory.ts';
import type { KernelLayout } from '../ggml/kernel-layout.ts';
import { pageBytes } from '../ggml/system.ts';
import { TensorSet } from '../ggml/tensor-set.ts';
import type { Weight } from '../gguf/weight.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Plan } from '../plan/plan.ts';
import { pageSpanOf, type Slice } from '../plan/slices.ts';
import { type ReadAt, Reader } from './reader.ts';
import { arenaBytes, type LoadOptions, Residents } from './residents.ts';

const [width, rows] = [256, 320];
const q4 = existingType('q4_0');
/** Matrices and norms one after the other, at offsets that are multiples of 32 only, as in a GGUF file. */
const weights: readonly Weight[] = (() => {
  let offset = 4096 + 32;
  return Array.from({ length: 9 }, (_, i) => {
    const weight = i % 3 === 2 ? weightOf(`norm${i}`, 'f32', [width], offset) : matrixAt(i, offset);
    offset += weight.extent.length + 64;
    return weight;
  });
})();
function matrixAt(i: number, offset: number): Weight {
  return weightOf(`matrix${i}`, 'q4_0', [width, rows], offset);
}

const path = sharedPath('weights');
const content = (() => {
  const bytes = new Uint8Array((weights.at(-1)?.extent.offset ?? 0) + 4 * width);
  for (const { type, extent } of weights) {
    const values = Float32Array.from(patternAt(extent.offset, type === q4 ? width * rows : width), (b) => b / 128 - 1);
    bytes.set(quantize(type, values, width), extent.offset);
  }
  return bytes;
})();
writeFileSync(path, content);
const files = [{ path, size: content.length }];

const device = shared(new CpuDevice(1));

/** A plan in which everything is resident; matrices in a layout of their own if `converts` and there is one. */
const planFor = (converts: boolean): Plan =>
  makePlan({
    budget: 2 ** 30,
    context: 1,
    runtime: 0,
    kv: () => 0,
    page: pageBytes,
    manifest: weights.map((weight) => ({ weight, streamable: weight.shape.length === 2 })),
    compute: () => 0,
    converted: (slice) => (converts ? layoutOf(slice)?.bytes : undefined),
  });
const layoutOf = ({ weight, shape }: Slice): KernelLayout | undefined => device.layoutFor(weight.type.id, shape);

/** Memory for the residents of a plan, with a tensor for each slice in it. */
function place(plan: Plan, disposer: Disposer) {
  const arena = disposer.use(device.memoryFor(arenaBytes(plan), 'a test'));
  const ring = disposer.use(device.memoryFor(plan.shares.ring, 'a test'));
  const set = disposer.use(new TensorSet(plan.slices.length));
  const tensors = plan.slices.map((slice): SliceTensor => {
    const { id, weight, shape } = slice;
    const pointer = set.add(weight.type.id, shape);
    const placement = plan.placements[id];
    if (placement?.kind === 'resident')
      arena.place(pointer, placement.offset + pageSpanOf(slice.extent, pageBytes).skew);
    else disposer.use(new LayoutMemory(layoutOf(slice) ?? assert.fail(), pointer));
    return { pointer, shape, slice: id };
  });
  return { arena, ring, tensors };
}

/** The product w x, computed by ggml from where the weight lies. */
async function product(w: SliceTensor, x: Float32Array): Promise<Float32Array> {
  using graph = new Graph();
  using allocator = new GraphAllocator();
  const input = graph.input(F32, [width, 1]);
  const output = graph.output(graph.matmul({ shape: w.shape, slices: [w] }, input));
  allocator.allocate(graph);
  writeTensor(input.pointer, x);
  await device.compute(graph.pointer);
  const result = new Float32Array(rows);
  readTensor(output.pointer, result);
  return result;
}

/** The product w x, in float32 from the bytes of the file. */
function expectedProduct({ type, extent }: Weight, x: Float32Array): Float32Array {
  const w = dequantize(type, content.slice(extent.offset, extent.offset + extent.length));
  return Float32Array.from({ length: rows }, (_, row) =>
    x.reduce((sum, value, i) => sum + value * (w[row * width + i] ?? 0), 0),
  );
}

async function load(plan: Plan, memory: ReturnType<typeof place>, options: LoadOptions = {}, readAt?: ReadAt) {
  await using reader = new Reader(files, { inFlight: 3, ...(readAt && { readAt }) });
  const residents = new Residents(plan, reader, memory);
  await residents.load(options);
  assert.ok(residents.loaded);
}

test('residents in the layout of the file are read to their places', async () => {
  using disposer = new Disposer();
  const plan = planFor(false);
  const memory = place(plan, disposer);
  await load(plan, memory);
  for (const { id, extent } of plan.slices) {
    const placement = plan.placements[id];
    assert.ok(placement?.kind === 'resident');
    const bytes = memory.arena.view(placement.offset + pageSpanOf(extent, pageBytes).skew, extent.length);
    assert.ok(
      Buffer.from(readFileSync(path))
        .subarray(extent.offset, extent.offset + extent.length)
        .equals(bytes),
    );
  }
});

test('residents are multiplied with as they are in the file, also those that were converted', async () => {
  const x = Float32Array.from({ length: width }, (_, i) => Math.sin(i));
  for (const converts of [false, true]) {
    using disposer = new Disposer();
    const plan = planFor(converts);
    const memory = place(plan, disposer);
    await load(plan, memory);
    for (const { id, weight, shape } of plan.slices) {
      const tensor = memory.tensors[id];
      if (shape.length !== 2 || !tensor) continue;
      assert.ok(nmse(await product(tensor, x), expectedProduct(weight, x)) < 1e-4, `${weight.name} ${converts}`);
    }
  }
});

test('what is converted goes through a ring that does not hold all of it', (t) => {
  const plan = planFor(true);
  const converted = plan.slices.filter(({ id }) => plan.placements[id]?.kind === 'converted');
  if (converted.length === 0) return t.skip('this processor has no layout of its own for q4_0');
  assert.equal(converted.length, 6);
  assert.ok(plan.shares.ring < converted.reduce((sum, { extent }) => sum + extent.length, 0));
});

test('loading tells how far it is', async () => {
  for (const converts of [false, true]) {
    using disposer = new Disposer();
    const plan = planFor(converts);
    const told: (readonly [number, number])[] = [];
    await load(plan, place(plan, disposer), { onProgress: (loaded, total) => told.push([loaded, total]) });
    const total = weights.reduce((sum, { extent }) => sum + extent.length, 0);
    assert.equal(told.length, weights.length);
    assert.ok(told.every(([loaded, all], i) => all === total && loaded > (told[i - 1]?.[0] ?? 0)));
    assert.equal(told.at(-1)?.[0], total);
  }
});

test('loading ends with the reason of an abort', async () => {
  for (const converts of [false, true]) {
    using disposer = new Disposer();
    const plan = planFor(converts);
    const controller = new AbortController();
    const reason = new Error('not wanted any more');
    const onProgress = (loaded: number, total: number): void => {
      if (loaded > total / 2) controller.abort(reason);
    };
    await assert.rejects(load(plan, place(plan, disposer), { onProgress, signal: controller.signal }), reason);
  }
});

test('loading ends with an error of the disk', async () => {
  for (const converts of [false, true]) {
    using disposer = new Disposer();
    const plan = planFor(converts);
    const last = (weights[7]?.extent.offset ?? 0) + pageBytes;
    const readAt: ReadAt = (_fd, into, position, done) =>
      position <= last && last < position + into.length ? done(new Error('bad sector'), 0) : done(null, into.length);
    await assert.rejects(load(plan, place(plan, disposer), {}, readAt), engineError('READ_FAILED', { file: path }));
  }
});

test('a lease of what could not be loaded fails, however long that is known, and the next pass loads it', async () => {
  for (const converts of [false, true]) {
    using disposer = new Disposer();
    const plan = planFor(converts);
    const memory = place(plan, disposer);
    let broken = true;
    const last = (weights[7]?.extent.offset ?? 0) + pageBytes;
    const readAt: ReadAt = (_fd, into, position, done) => {
      if (broken && position <= last && last < position + into.length) return done(new Error('bad sector'), 0);
      into.set(content.subarray(position, position + into.length));
      done(null, into.length);
    };
    await using reader = new Reader(files, { inFlight: 3, readAt });
    const residents = new Residents(plan, reader, memory);
    using _first = await residents.lease([0, 1]);
    for (let i = 0; i < 50; i += 1) await new Promise(setImmediate);
    await assert.rejects(residents.lease([7, 8]), engineError('READ_FAILED'));
    await residents.stop();
    broken = false;
    using _again = await residents.lease([7, 8]);
    assert.ok(residents.loaded);
    await residents.stop();
  }
});
