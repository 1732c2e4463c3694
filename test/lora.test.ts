import assert from 'node:assert/strict';
import test from 'node:test';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { Reference } from './support/architectures/reference.ts';
import { streamedLogits } from './support/architectures/streamed.ts';
import { usualBatches } from './support/architectures/usual-batches.ts';
import { type LoraFileOptions, loraFile } from './support/lora-file.ts';
import { shared } from './support/shared.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const reference = shared(new Reference());
const device = shared(new CpuDevice(1));

interface Case {
  readonly name: string;
  readonly adapters: readonly (LoraFileOptions & { readonly scale: number })[];
}

/** Compares a model with adapters, streamed and in memory, with libllama's own. Returns its logits. */
async function same({ name, adapters }: Case): Promise<readonly Float32Array[]> {
  const path = architectureFile(folder.file(`${name}.gguf`), name);
  const loras = adapters.map(({ scale, ...options }, i) => ({
    path: loraFile(folder.file(`${name}-${i}.gguf`), path, { seed: i + 1, ...options }),
    scale,
  }));
  const expected = await reference.logits({ path, batches: usualBatches(name), options: { loras } });
  assert.deepEqual(await streamedLogits(name, path, { device, loras }), expected);
  assert.deepEqual(await streamedLogits(name, path, { device, loras, extra: 2 ** 26 }), expected);
  return expected;
}

test('an adapter of a dense model gives the bits of llama_decode, streamed and in memory', async () => {
  const adapted = await same({ name: 'llama', adapters: [{ scale: 1, alpha: 8, type: 'f16' }] });
  const none = await same({ name: 'llama', adapters: [{ scale: 0 }] });
  const plain = await same({ name: 'llama', adapters: [] });
  assert.deepEqual(none, plain);
  assert.notDeepEqual(adapted, plain);
});

test('several adapters are applied, also with a scale below 0, and to the embedding and the head', async () => {
  await same({
    name: 'qwen3',
    adapters: [{ scale: 0.5, changes: /attn_q|token_embd|^output\.weight/, rank: 3 }, { scale: -1 }],
  });
});

for (const name of ['qwen3moe', 'qwen35moe']) {
  test(`an adapter of ${name} is applied to its experts`, async () => {
    await same({ name, adapters: [{ scale: 2, type: 'f16' }] });
  });
}
