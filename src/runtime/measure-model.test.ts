import assert from 'node:assert/strict';
import test from 'node:test';
import { small } from '../../test/support/agrees.ts';
import { architectureFile } from '../../test/support/architectures/architecture-file.ts';
import { thrown } from '../../test/support/engine-error.ts';
import { writeRandom } from '../../test/support/model-files.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { at } from '../base/at.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { layRing } from '../plan/ring-segments.ts';
import { pageSpanOf } from '../plan/slices.ts';
import { knownModel, type MeasuredParts, measureModel, rememberRun } from './measure-model.ts';
import { openOutline } from './model-outline.ts';
import { layoutLookup, planModel } from './planner.ts';

test('a run that fits no speeds has kernels measured again, and is believed as far as is likely', async () => {
  using folder = tempFolder();
  const outline = openOutline(architectureFile(folder.file('model.gguf'), 'llama'));
  using device = new CpuDevice(1);
  using _graphs = outline.graphs;
  const layoutOf = layoutLookup(device, 'plain');
  const plan = planModel(outline, device, layoutOf, { budget: 2 ** 30, runtime: 0, kernels: 'plain' });
  const parts: MeasuredParts = { outline, device, layoutOf, kernels: 'plain', read: 1e9, folder: folder.path };
  const { speeds } = await measureModel(parts, plan);
  const run = (token: number) => ({ tokens: 10, seconds: 10 * token, waited: 0, hits: [], disturbed: false });
  const hour = 3600;
  await rememberRun(parts, plan, run(hour));
  const known = knownModel(parts) ?? assert.fail();
  assert.deepEqual(known.factors, { computing: 8 });
  assert.notDeepEqual(known.speeds, speeds, 'kernels are measured again');
  await rememberRun(parts, plan, run(1e-9));
  assert.deepEqual(knownModel(parts)?.factors, { computing: 1 / 8 });
});

/** A CPU that counts the memory of reads. */
class CountingDevice extends CpuDevice {
  reads = 0;

  override memoryFor(bytes: number, what: string): HostMemory {
    if (what.startsWith('a part of a pass')) this.reads = Math.max(this.reads, bytes);
    return super.memoryFor(bytes, what);
  }
}

test('reads that are measured take no more memory than the ring has, and there are none of files that have not come', async () => {
  using folder = tempFolder();
  const shape = { ...small, architecture: 'llama', type: 'q8_0', layers: 12, width: 256, feedForward: 512 } as const;
  const outline = openOutline(writeRandom(folder.file('model.gguf'), shape));
  using device = new CountingDevice(1);
  using _graphs = outline.graphs;
  const layoutOf = layoutLookup(device, 'plain');
  const usual = { context: 64, runtime: 0, kernels: 'plain' } as const;
  const planned = (budget: number) => planModel(outline, device, layoutOf, { ...usual, budget });
  const least = planned(thrown('BUDGET_TOO_SMALL', () => planned(1)).details.needed);
  const plan = { ...least, shares: { ...least.shares, resident: 0 } };
  const parts: MeasuredParts = { outline, device, layoutOf, kernels: 'plain', read: 1e9, folder: folder.path };
  const { speeds } = await measureModel({ ...parts, folder: undefined, present: false }, plan);
  assert.deepEqual([device.reads, speeds.ring], [0, []]);
  assert.equal((await measureModel(parts, plan)).speeds.ring.length, 1);
  // Another's reads stand for them then, on a storage that is twice as fast.
  const [known] = knownModel(parts)?.speeds.ring ?? [];
  const copy = { ...parts, outline: openOutline(writeRandom(folder.file('copy.gguf'), shape)), read: 2e9 };
  using _copied = copy.outline.graphs;
  const [likely] = (await measureModel({ ...copy, present: false }, plan)).speeds.ring;
  assert.deepEqual(likely, known && { ...known, read: 2 * known.read });
  // Reads of other lengths are good enough for somebody who waits, and for nobody else.
  const shortest = plan.streamed.filter((id) => at(plan.slices, id).shape[1] === 32);
  const sizes = shortest.map((id) => pageSpanOf(at(plan.slices, id).extent, pageBytes).bytes);
  const plain = layRing(sizes, plan.shares.ring);
  const other = { ...plan, streamed: shortest, ringModes: { ...plan.ringModes, plain } };
  assert.equal((await measureModel({ ...parts, hurried: true }, other)).speeds.ring.length, 1);
  assert.equal((await measureModel(parts, other)).speeds.ring.length, 2);
  assert.ok(device.reads > 0 && device.reads <= plan.shares.ring, `${device.reads}`);
});
