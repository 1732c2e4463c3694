import assert from 'node:assert/strict';
import test from 'node:test';
import type { RandomModelSpec } from '../../../bench/random-model.ts';
import { at } from '../../../src/base/at.ts';
import { nmse } from '../../../src/base/nmse.ts';
import { kernelSpeeds } from '../../../src/exec/kernel-speeds.ts';
import { graphTraits } from '../../../src/exec/llama-measure.ts';
import type { Device } from '../../../src/ggml/device.ts';
import { openModelFile } from '../../../src/gguf/model-file.ts';
import type { Plan } from '../../../src/plan/plan.ts';
import { tryGraphs } from '../../../src/runtime/graph-trial.ts';
import { openOutline } from '../../../src/runtime/model-outline.ts';
import { small } from '../../support/agrees.ts';
import { architectureFile } from '../../support/architectures/architecture-file.ts';
import { writeLoopingModel } from '../../support/chat-model.ts';
import { run } from '../../support/cli.ts';
import { thrown } from '../../support/engine-error.ts';
import { firstDiffers } from '../../support/logits.ts';
import { loraFile } from '../../support/lora-file.ts';
import { writeRandom } from '../../support/model-files.ts';
import { openRuntime, planFor, type TestRuntimeOptions } from '../../support/open-model.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { vulkanDevice, withoutVulkan } from '../../support/vulkan.ts';

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
    assert.equal(firstDiffers(actual.logits, expected.logits), undefined);
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

test('weights are read while a device computes, or between its steps, whichever was faster, with the same logits', {
  skip: withoutVulkan,
}, async () => {
  using folder = tempFolder();
  const path = writeRandom(folder.file('model.gguf'), spec);
  for (const memory of ['host', 'apart'] as const) {
    using device = vulkanDevice(memory);
    const which = memory === 'host' ? 'budget' : 'gpuMemory';
    const least = thrown('BUDGET_TOO_SMALL', () => planOn(device, path, { [which]: 1 })).details.needed;
    await using model = await openRuntime(path, { context: 64, device, [which]: least, change: withoutHeld });
    const { forward, caches } = model.runtime;
    await model.logits(prompt);
    const { state } = at(caches.all, 0);
    const logits: Float32Array[] = [];
    while (!forward.reading) {
      const span = { state, start: prompt.length, tokens: [7], logits: 'last' } as const;
      logits.push((await forward.run([span])).slice());
      // One that compiles, and three of each way at most.
      assert.ok(logits.length <= 7);
    }
    for (const row of logits) assert.deepEqual(row, logits[0]);
  }
});

test('what forecasts need is measured on a device, whose weights are not where they are read to', {
  skip: withoutVulkan,
}, async () => {
  using folder = tempFolder();
  const path = writeRandom(folder.file('model.gguf'), spec);
  using device = vulkanDevice('apart', 2);
  const gpuMemory = thrown('BUDGET_TOO_SMALL', () => planOn(device, path, { gpuMemory: 1 })).details.needed;
  const plan = withoutHeld(planOn(device, path, { gpuMemory }));
  const speeds = await kernelSpeeds(device, plan, () => undefined);
  assert.ok((speeds.plain ?? 0) > 0);
  // Fewer threads of the CPU change nothing.
  assert.deepEqual(speeds.half, { step: speeds.step, slower: 1 });
});

test('the operations of a model of libllama that a device has not are known before it is loaded', {
  skip: withoutVulkan,
}, () => {
  using folder = tempFolder();
  using device = vulkanDevice();
  const path = architectureFile(folder.file('model.gguf'), 'olmo2');
  const { graphs, config } = openOutline(path);
  using _graphs = graphs;
  graphs.checkDevice(device, config.context);
  const { kind, name, pointer, bufferType } = device;
  const lacking = { kind, name, pointer, bufferType, supports: () => false };
  const file = openModelFile(path);
  const { unsupported } = graphTraits(file, undefined, lacking);
  assert.ok(unsupported.includes('MUL_MAT of f32 and f32'), `${unsupported}`);
  const adapters = [loraFile(folder.file('lora.gguf'), path)];
  tryGraphs(file, undefined, { adapters, device: { kind, name } });
  assert.ok(graphTraits(file, undefined, lacking, adapters).unsupported.length > unsupported.length);
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

test('without a driver auto takes the CPU and says so, and a device that was asked for is refused', {
  skip: withoutVulkan,
}, async () => {
  using folder = tempFolder();
  const path = writeLoopingModel(folder.file('model.gguf'));
  const asked = ['run', path, '-p', 'x', '-n', '2', '--ctx', '128'];
  const env = { VK_ICD_FILENAMES: folder.file('none.json'), VK_DRIVER_FILES: folder.file('none.json') };
  const fallen = await run(asked, { env });
  assert.equal(fallen.code, 0);
  assert.match(fallen.stderr, /^there is no vulkan device \(.*; the CPU computes$/m);
  const refused = await run([...asked, '--device', 'vulkan'], { env });
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^error: there is no vulkan device .* \[DEVICE_MISSING\]$/m);
});

test('a plan names the device that it is for', { skip: withoutVulkan }, async () => {
  using folder = tempFolder();
  const path = writeLoopingModel(folder.file('model.gguf'));
  const { code, stdout } = await run(['info', path, '--device', 'vulkan', '--ctx', '128']);
  assert.equal(code, 0);
  assert.match(stdout, /^ {2}device +.+ \(vulkan\)$/m);
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
