import assert from 'node:assert/strict';
import test from 'node:test';
import type { KvOptions } from '../src/plan/kv-options.ts';
import {
  ask,
  assertAnswer,
  type CollectedAnswer,
  collectAnswer,
  greedy,
  openBatchModel,
  promptOf,
} from './support/batch-model.ts';
import { openDrafted, writeNoiseModel } from './support/drafted-model.ts';
import { assertLikeliest } from './support/passes.ts';
import { mixOf, ScriptedDrafter } from './support/scripted-drafter.ts';
import { ScriptedEngine } from './support/scripted-engine.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeNoiseModel(folder.file('model.gguf'), { layers: 2, context: 128 });
/** Trained for so few tokens that its window is narrower. */
const noise = writeNoiseModel(folder.file('noise.gguf'), { context: 40 });

const window = { tokens: 50, sinks: 3 };
const prompt = promptOf(4, 20);
/** Beyond two turns of the ring and a step of the sinks. */
const maxTokens = 640;
const long = { maxTokens };

const kvs: readonly KvOptions[] = [{ window }, { type: 'q8_0', window }];
const plain: CollectedAnswer[] = [];
for (const kv of kvs) {
  await using model = openBatchModel(path, { context: undefined, parallel: 1, kv });
  plain.push(await ask(model, prompt, long));
}

/** Fails unless it is the answer that is made without drafts. */
async function assertSame({ tokens, reason }: CollectedAnswer, i: number): Promise<void> {
  const expected = plain[i] ?? assert.fail();
  assertAnswer(tokens, expected, maxTokens, 0.05);
  assert.equal(reason, 'length');
  await assertLikeliest(path, kvs[i] ?? assert.fail(), { prompt, answer: tokens });
}

test('an answer goes on far beyond what the model was trained for, each token the likeliest by its window', async () => {
  for (const i of kvs.keys()) await assertSame(plain[i] ?? assert.fail(), i);
});

test('without a window it ends where the context does', async () => {
  await using model = openBatchModel(path, { context: undefined, parallel: 1 });
  const { tokens, reason } = await ask(model, prompt, long);
  assert.deepEqual([tokens.length, reason], [128 - prompt.length + 1, 'length']);
});

for (const [how, i, draft] of [
  ['by n-grams', 0, { ngram: true, adaptive: false }],
  ['by n-grams, as many as pay', 1, { ngram: true }],
  ['by noise', 0, { model: noise, ahead: 3, adaptive: false }],
  ['by noise and n-grams', 1, { model: noise, ngram: true, ahead: 4, adaptive: false }],
  ['by the model itself', 1, { model: path, ahead: 7, adaptive: false }],
] as const) {
  test(`drafted at ${how}, a text much longer than the window is the one without drafts`, async () => {
    await using model = await openDrafted(path, { context: undefined, parallel: 1, kv: kvs[i], draft });
    const { draft: beside } = model.plan();
    if ('model' in draft) assert.equal(beside?.window?.tokens, draft.model === noise ? 37 : 50);
    await assertSame(await collectAnswer(model.generate(prompt, { ...greedy, ...long, logprobs: 2 })), i);
    const { drafted, accepted } = model.tally().sums;
    assert.ok(drafted > 0, 'nothing was drafted');
    if ('model' in draft && draft.model === path) assert.ok(accepted > 0.95 * drafted, `${accepted} of ${drafted}`);
  });
}

test('drafted at right and wrong by up to 63 tokens, it is the one without drafts', async () => {
  for (const [i, ahead] of [5, 63].entries()) {
    const kv = kvs[i] ?? assert.fail();
    await using engine = await ScriptedEngine.open(path, { beside: 64 * 2 ** 20, context: 2 ** 20, ahead, kv });
    const { tokens } = plain[i] ?? assert.fail();
    const any = Array.from({ length: 400 }, (_, token) => token);
    const drafter = new ScriptedDrafter(prompt.length, mixOf(tokens, 0.9, any, ahead));
    await assertSame(await collectAnswer(engine.generate(prompt, drafter, { ...greedy, ...long, logprobs: 2 })), i);
    assert.ok(engine.sums.accepted > 200 && engine.sums.accepted < engine.sums.drafted);
  }
});

test('sequences that share their passes have each its own window, and give what they give alone', async () => {
  const asked = [3, 70, 600, 1].map((length, seed) => promptOf(seed, length));
  const kv = { type: 'q8_0', window } as const;
  await using model = openBatchModel(path, { context: undefined, parallel: 3, kv });
  const answers = await Promise.all(asked.map((one, i) => ask(model, one, { maxTokens: 590 - 100 * i })));
  for (const [i, { tokens }] of answers.entries()) {
    await assertLikeliest(path, kv, { prompt: asked[i] ?? assert.fail(), answer: tokens });
  }
  assert.ok(model.tally().sums.sequences > 1.8 * model.tally().sums.passes, 'they share them');
});
