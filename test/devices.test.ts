import assert from 'node:assert/strict';
import test from 'node:test';
import { at } from '../src/base/at.ts';
import { nmse } from '../src/base/nmse.ts';
import { openOutline } from '../src/runtime/model-outline.ts';
import { small } from './support/agrees.ts';
import { run } from './support/cli.ts';
import { thrown } from './support/engine-error.ts';
import { firstDiffers } from './support/logits.ts';
import { writeRandom } from './support/model-files.ts';
import { openRuntime, planFor } from './support/open-model.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';
import { vulkanDevice, withoutVulkan } from './support/vulkan.ts';

/** Tokens of a context. */
const context = 64;

test('a device computes the logits of SmolLM2 as the CPU does, and streamed as resident', {
  skip: withoutVulkan,
}, async () => {
  const path = await smollm2();
  const prompt = Array.from({ length: 24 }, (_, i) => 1000 + 37 * i);
  using device = vulkanDevice();
  const expected = await logitsOf(path, prompt, {});
  const resident = await logitsOf(path, prompt, { device });
  const planned = (): unknown => planFor(device, openOutline(path), { context, budget: 1 });
  const budget = thrown('BUDGET_TOO_SMALL', planned).details.needed;
  const streamed = await logitsOf(path, prompt, { device, budget });
  assert.ok(nmse(flat(resident), flat(expected)) < 1e-2);
  assert.equal(firstDiffers(resident, expected), undefined);
  assert.ok(nmse(flat(streamed), flat(resident)) < 1e-5);
});

async function logitsOf(
  path: string,
  prompt: readonly number[],
  options: Parameters<typeof openRuntime>[1],
): Promise<readonly Float32Array[]> {
  await using model = await openRuntime(path, { context, ...options });
  assert.equal(model.plan.streamed.length > 0, options?.budget !== undefined);
  return await model.logits(prompt);
}

const flat = (rows: readonly Float32Array[]): Float32Array => Float32Array.from(rows.flatMap((row) => [...row]));

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
  const path = writeRandom(folder.file('model.gguf'), { ...small, architecture: 'llama', type: 'q8_0' });
  const kind = process.platform === 'darwin' ? 'cuda' : 'metal';
  const missing = await run(['info', path, '--device', kind]);
  assert.deepEqual([missing.code, /\[DEVICE_MISSING\]/.test(missing.stderr)], [2, true]);
  const useless = await run(['run', path, '-p', 'x', '--device', 'cpu', '--gpu-memory', '1G']);
  assert.equal(useless.code, 2);
  assert.match(useless.stderr, /--gpu-memory 1 GiB is not valid; expected a device with memory of its own/);
});
