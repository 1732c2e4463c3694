import assert from 'node:assert/strict';
import test from 'node:test';
import type { RandomModelSpec } from '../bench/random-model.ts';
import { at } from '../src/base/at.ts';
import { nmse } from '../src/base/nmse.ts';
import type { Device } from '../src/ggml/device.ts';
import type { Plan } from '../src/plan/plan.ts';
import { openOutline } from '../src/runtime/model-outline.ts';
import { small } from './support/agrees.ts';
import { writeLoopingModel } from './support/chat-model.ts';
import { run } from './support/cli.ts';
import { thrown } from './support/engine-error.ts';
import { argmax, topGap } from './support/logits.ts';
import { writeRandom } from './support/model-files.ts';
import { openRuntime, planFor, type TestRuntimeOptions } from './support/open-model.ts';
import { tempFolder } from './support/temp-folder.ts';
import { vulkanDevice, withoutVulkan } from './support/vulkan.ts';

/** A model of several times what its ring takes at least. */
const spec: RandomModelSpec = {
  ...small,
  architecture: 'llama',
  type: 'q8_0',
  layers: 12,
  width: 256,
  feedForward: 512,
};
const prompt = Array.from({ length: 40 }, (_, i) => (i * 31 + 5) % small.vocabulary);

interface Computed {
  readonly logits: readonly Float32Array[];
  /** Slices that stream, and those of them that are held in the process's memory. */
  readonly streamed: number;
  readonly held: number;
}

/** The logits of a prompt, and of two tokens after it, one at a time. */
async function computed(path: string, options: TestRuntimeOptions): Promise<Computed> {
  await using model = await openRuntime(path, { context: 64, ...options });
  const logits = [...(await model.logits(prompt))];
  const { state } = at(model.runtime.caches.all, 0);
  for (const [i, token] of [7, 11].entries()) {
    const span = { state, start: prompt.length + i, tokens: [token], logits: 'last' } as const;
    logits.push((await model.runtime.forward.run([span])).slice());
  }
  return { logits, streamed: model.plan.streamed.length, held: model.plan.host?.held.length ?? 0 };
}

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));

/** Rows have the same first element wherever it is ahead of the second by more than rounding. */
function assertSameFirst(rows: readonly Float32Array[], expected: readonly Float32Array[]): void {
  for (const [i, row] of rows.entries()) {
    const other = at(expected, i);
    const rms = Math.sqrt(
      row.reduce((sum, x, k) => sum + (x - at([...other.subarray(k, k + 1)], 0)) ** 2, 0) / row.length,
    );
    if (topGap(other) > 4 * rms) assert.equal(argmax(row), argmax(other), `row ${i}`);
  }
}

for (const memory of ['host', 'apart'] satisfies Device['memory'][]) {
  const where = memory === 'host' ? "in the process's memory" : 'with memory of its own';

  test(`a device ${where} computes the logits of the CPU`, { skip: withoutVulkan }, async () => {
    using folder = tempFolder();
    using device = vulkanDevice(memory);
    const path = writeRandom(folder.file('model.gguf'), spec);
    const expected = await computed(path, {});
    const actual = await computed(path, { device });
    assert.equal(actual.streamed, 0);
    assert.ok(nmse(flat(actual.logits), flat(expected.logits)) < 1e-2);
    assertSameFirst(actual.logits, expected.logits);
  });
}

test('logits do not depend on whether weights stay on a device, are uploaded from memory, or stream from the SSD', {
  skip: withoutVulkan,
}, async () => {
  using folder = tempFolder();
  const path = writeRandom(folder.file('model.gguf'), spec);
  const expected = await reference(path);
  using shared = vulkanDevice('host');
  const least = thrown('BUDGET_TOO_SMALL', () => planOn(shared, path, { budget: 1 })).details.needed;
  const host = await computed(path, { device: shared, budget: least });
  assert.ok(host.streamed > 0);
  assert.ok(nmse(flat(host.logits), expected) < 1e-5, 'from the SSD, in place');
  using apart = vulkanDevice('apart');
  const gpuMemory = thrown('BUDGET_TOO_SMALL', () => planOn(apart, path, { gpuMemory: 1 })).details.needed;
  const held = await computed(path, { device: apart, gpuMemory });
  assert.ok(held.streamed > 0 && held.held === held.streamed);
  assert.ok(nmse(flat(held.logits), expected) < 1e-5, 'from memory');
  const streamed = await computed(path, { device: apart, gpuMemory, change: withoutHeld });
  assert.ok(streamed.streamed > 0 && streamed.held === 0);
  assert.ok(nmse(flat(streamed.logits), expected) < 1e-5, 'from the SSD');
});

/** The logits of a device that holds all weights. */
async function reference(path: string): Promise<Float32Array> {
  using device = vulkanDevice('host');
  return flat((await computed(path, { device })).logits);
}

const planOn = (device: Device, path: string, options: Parameters<typeof planFor>[2]): Plan => {
  const outline = openOutline(path, {});
  return planFor(device, outline, { context: 64, ...options });
};

const withoutHeld = (plan: Plan): Plan => ({ ...plan, host: plan.host && { ...plan.host, held: [], heldBytes: 0 } });

test('the command line lists the CPU, and kinds that are not installed with the command that brings them', async () => {
  const { code, stdout } = await run(['devices', '--json']);
  assert.equal(code, 0);
  const devices = JSON.parse(stdout) as { kind: string; name: string | null; error: { code: string } | null }[];
  assert.deepEqual([at(devices, 0).kind, at(devices, 0).error], ['cpu', null]);
  for (const { name, error } of devices) assert.ok(name !== null || error?.code === 'DEVICE_MISSING');
  assert.match((await run(['devices'])).stdout, /^KIND +NAME +MEMORY +STATE\ncpu +.* ready\n/);
});

test('a kind that there is none of, and memory of a card beside the CPU, are refused', async () => {
  using folder = tempFolder();
  const path = writeRandom(folder.file('model.gguf'), spec);
  const kind = process.platform === 'darwin' ? 'cuda' : 'metal';
  const missing = await run(['info', path, '--device', kind]);
  assert.deepEqual([missing.code, /\[DEVICE_MISSING\]/.test(missing.stderr)], [2, true]);
  const useless = await run(['run', path, '-p', 'x', '--device', 'cpu', '--gpu-memory', '1G']);
  assert.equal(useless.code, 2);
  assert.match(useless.stderr, /--gpu-memory .* is not valid; expected a device with memory of its own/);
});

test('a report about a device compares it with the CPU', { skip: withoutVulkan }, async () => {
  using folder = tempFolder();
  const path = writeLoopingModel(folder.file('model.gguf'));
  const few = ['--tokens', '2', '--prompt-tokens', '4', '--rounds', '1', '--ctx', '128'];
  const { code, stdout } = await run(['bench', path, '--report', '--device', 'vulkan', ...few]);
  assert.equal(code, 0);
  assert.match(stdout, /^## .+ \(vulkan\)\n/);
  assert.match(stdout, /^\| test +\| passed: \S+ from the CPU's result +\|$/m);
  const difference = /^\| logits against the CPU +\| (\S+) apart; /m.exec(stdout)?.[1];
  assert.ok(Number(difference) < 1e-2, stdout);
  assert.match(stdout, /^ {4}ggml_vulkan: /m);
});
