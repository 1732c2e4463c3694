import assert from 'node:assert/strict';
import test from 'node:test';
import { CpuDevice } from '../src/ggml/cpu-device.ts';
import { architectureFile } from './support/architectures/architecture-file.ts';
import { Reference } from './support/architectures/reference.ts';
import { streamedLogits } from './support/architectures/streamed.ts';
import { usualBatches } from './support/architectures/usual-batches.ts';
import { engineError } from './support/engine-error.ts';
import { type LoraFileOptions, loraFile } from './support/lora-file.ts';
import { openTestModel } from './support/open-model.ts';
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

test('answers with other scales go on together, each as it does alone, and none from the text of another', async () => {
  const path = architectureFile(folder.file('speaks.gguf'), 'llama', { vocabulary: true });
  const lora = { path: loraFile(folder.file('speaks-lora.gguf'), path, { alpha: 64 }) };
  const prompt = Array.from({ length: 100 }, (_, i) => 1 + ((i * 7) % 250));
  const options = { maxTokens: 12, temperature: 0, ignoreEnd: true };
  const answersOf = async (scales: readonly number[], together: boolean) => {
    await using model = openTestModel(path, 2 ** 25, { loras: [lora], parallel: 3, context: 128 });
    const answer = async (scale: number) => {
      const generation = model.generate(prompt, { ...options, loras: [{ id: 0, scale }] });
      for await (const _ of generation);
      return { answer: [...generation.tokens], cached: generation.stats?.prefill.cached };
    };
    if (together) return await Promise.all(scales.map(answer));
    const answers: Awaited<ReturnType<typeof answer>>[] = [];
    for (const scale of scales) answers.push(await answer(scale));
    return answers;
  };
  const alone = await answersOf([0, 1, 2, 1], false);
  assert.equal(new Set(alone.slice(0, 3).map(({ answer }) => answer.join())).size, 3, 'the adapter changes nothing');
  assert.deepEqual(
    alone.map(({ cached }) => cached === 0),
    [true, true, true, false],
  );
  assert.deepEqual(alone[3]?.answer, alone[1]?.answer);
  const together = await answersOf([0, 1, 2], true);
  assert.deepEqual(
    together.map(({ answer }) => answer),
    alone.slice(0, 3).map(({ answer }) => answer),
  );
});

test('scales of adapters that a model does not have are refused', async () => {
  const path = architectureFile(folder.file('bare.gguf'), 'llama', { vocabulary: true });
  await using model = openTestModel(path, 2 ** 25);
  assert.throws(
    () => model.generate('a', { loras: [{ id: 0, scale: 1 }] }),
    engineError('BAD_OPTION', /lora 0: 1 .*no adapters/),
  );
});
