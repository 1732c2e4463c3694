import assert from 'node:assert/strict';
import test from 'node:test';
import type { Model } from '../src/model/model.ts';
import type { KvOptions } from '../src/plan/kv-options.ts';
import {
  ask,
  type BatchOptions,
  type CollectedAnswer,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { writeNoiseModel } from './support/drafted-model.ts';
import { assertLikeliest } from './support/passes.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const MiB = 2 ** 20;
const folder = sharedFolder();
const path = writeNoiseModel(folder.file('model.gguf'), { layers: 2, context: 128 });

const window = { tokens: 60, sinks: 4 };
const quantized: KvOptions = { type: 'q4_0', window };
const maxTokens = 24;
const answer = (model: Model, prompt: readonly number[]): Promise<CollectedAnswer> => ask(model, prompt, { maxTokens });

/** A model for one sequence, with passes of 512 tokens: a ring of 768 rows. */
const open = (kv: KvOptions, more: BatchOptions = {}): Model =>
  openBatchModel(path, { context: undefined, parallel: 1, kernels: 'auto', kv, ...more });

/** Fails unless the answer is right, and so many tokens of its prompt were there. */
async function assertRight(
  { tokens, cached }: CollectedAnswer,
  { kv, prompt, expected }: { kv: KvOptions; prompt: readonly number[]; expected: number },
): Promise<void> {
  assert.deepEqual([tokens.length, cached], [maxTokens, expected]);
  await assertLikeliest(path, kv, { prompt, answer: tokens });
}

test('a conversation goes on from all that was stored of it, however far its window has moved', async () => {
  const kv = quantized;
  await using model = open(kv);
  let prompt = promptOf(1, 700);
  let expected = 0;
  for (const turn of [300, 900, 40]) {
    const answered = await answer(model, prompt);
    await assertRight(answered, { kv, prompt, expected });
    expected = prompt.length + maxTokens - 1;
    prompt = [...prompt, ...answered.tokens, ...promptOf(turn, turn)];
  }
});

test('a text that changed is gone on from while nothing that it sees is overwritten, else computed anew', async () => {
  const kv = { window };
  await using model = open(kv);
  const text = promptOf(2, 1500);
  for (const [kept, more, reused] of [
    [1500, 9, 0],
    [1300, 9, 1300],
    // 1500 tokens and more have been stored in 768 rows: the window of token 800 has been lost.
    [800, 9, 0],
    [3, 700, 0],
    // A new text on some sinks of the old one, up to where its sinks have followed.
    [2, 650, 2],
  ] as const) {
    const prompt = [...text.slice(0, kept), 7, ...promptOf(more, more)];
    await assertRight(await answer(model, prompt), { kv, prompt, expected: reused });
  }
});

test('texts beyond the places come back from memory, and from the folder after a restart', async () => {
  // With its answer the second one has just begun its second turn of 768 rows.
  const texts = [promptOf(1, 600), promptOf(2, 770), promptOf(3, 1500)];
  const kv = quantized;
  using cache = tempFolder();
  const promptCache = { bytes: 8 * MiB, folder: cache.path, warn: assert.fail };
  const told: (readonly number[])[] = [];
  for (const restarted of [false, true]) {
    await using model = open(kv, { promptCache });
    for (const [i, text] of texts.entries()) {
      const prompt = restarted ? [...text, ...(told[i] ?? []), 5] : text;
      const { tokens, cached } = await answer(model, prompt);
      assert.equal(cached, restarted ? text.length + maxTokens : 0);
      await assertLikeliest(path, kv, { prompt, answer: tokens });
      told[i] ??= tokens;
    }
    if (restarted) continue;
    for (const [i, text] of texts.entries()) {
      const prompt = [...text, ...(told[i] ?? []), 9, 9];
      await assertRight(await answer(model, prompt), { kv, prompt, expected: text.length + maxTokens - 1 });
    }
  }
});

test('of a text that was kept, a part that comes back cannot be cut where the whole had left', async () => {
  const kv = { window };
  const text = promptOf(4, 1500);
  await using model = open(kv, { promptCache: { bytes: 8 * MiB } });
  for (const [prompt, expected] of [
    [text, 0],
    [promptOf(5, 100), 0],
    [[...text.slice(0, 1300), 9], 1300],
    [[...text.slice(0, 700), 9], 0],
  ] as const) {
    await assertRight(await answer(model, prompt), { kv, prompt, expected });
  }
});

test('another window has nothing of what a folder keeps', async () => {
  using cache = tempFolder();
  const prompt = promptOf(1, 100);
  const cached = async (kv: KvOptions): Promise<number> => {
    await using model = open(kv, { promptCache: { bytes: 0, folder: cache.path, warn: assert.fail } });
    return (await answer(model, prompt)).cached;
  };
  assert.deepEqual([await cached({ window }), await cached({ window })], [0, 99]);
  assert.equal(await cached({ window: { ...window, sinks: 3 } }), 0);
  assert.equal(await cached({ window: { ...window, tokens: 61 } }), 0);
});

test('with plain kernels what is reused gives the same bits', async () => {
  for (const kv of [{ window }, quantized]) {
    await using model = open(kv, { kernels: 'plain', promptCache: { bytes: 8 * MiB } });
    const prompts = [promptOf(1, 650), promptOf(2, 66)];
    const first = [];
    for (const prompt of prompts) first.push(await answer(model, prompt));
    for (const [i, prompt] of prompts.entries()) {
      const { tokens, logprobs, cached } = await answer(model, prompt);
      assert.equal(cached, [640, 64][i]);
      assert.deepEqual([tokens, logprobs], [first[i]?.tokens, first[i]?.logprobs]);
    }
  }
});

test('a prompt that was given up in the middle of a pass spoils no other that begins alike', async () => {
  const streaming = folder.file('streaming.gguf');
  writeBatchModel(streaming);
  const options = { streamed: true, parallel: 1, context: undefined, kv: { window } };
  const long = promptOf(3, 640);
  const prompt = [...long.slice(0, 258), 1, 2];
  await using fresh = openBatchModel(streaming, options);
  assert.ok(fresh.plan().bytesPerPass > 0);
  const expected = await answer(fresh, prompt);
  await using model = openBatchModel(streaming, options);
  for (const upTo of [470, 260]) {
    const abort = new AbortController();
    const cut = await ask(model, long, {
      maxTokens: 1,
      signal: abort.signal,
      onPrompt: ({ tokens }) => tokens > upTo && abort.abort(),
    });
    assert.equal(cut.reason, 'cancelled');
    // Tokens 448 to 512 took rows that the window before 256 had.
    const { tokens, logprobs, cached } = await answer(model, prompt);
    assert.equal(cached, upTo > 448 ? 0 : 256);
    assert.deepEqual([tokens, logprobs], [expected.tokens, expected.logprobs]);
  }
});
