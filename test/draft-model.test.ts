import assert from 'node:assert/strict';
import test from 'node:test';
import { DraftEngine } from '../src/engine/draft/draft-engine.ts';
import type { Generation } from '../src/engine/generation.ts';
import type { Model } from '../src/model/model.ts';
import type { GenerateOptions } from '../src/model/model-options.ts';
import {
  assertAnswer,
  type CollectedAnswer,
  collectAnswer,
  greedy,
  openBatchModel,
  promptOf,
} from './support/batch-model.ts';
import { openDrafted, writeNoiseModel } from './support/drafted-model.ts';
import { openTestModel } from './support/open-model.ts';
import { assertAsLibllama } from './support/oracle.ts';
import { shared } from './support/shared.ts';
import { smollm2 } from './support/smollm2.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = folder.file('model.gguf');
// Weights are f32: draws must not depend on how many tokens a pass takes, and quantized sums round more.
writeNoiseModel(path, { layers: 6, width: 256, heads: 4, kvHeads: 4, feedForward: 512 });
const noise = writeNoiseModel(folder.file('noise.gguf'));

const prompts = [3, 20, 40, 70].map((length, seed) => promptOf(seed, length));
const plain = shared(openBatchModel(path, { parallel: 1 }));
const { eos = assert.fail() } = plain.vocabulary;

const generate = (model: Model, prompt: readonly number[], options: GenerateOptions): Generation =>
  model.generate(prompt, { ...greedy, logprobs: 2, ...options });
const answersOf = (model: Model, options: GenerateOptions): Promise<readonly CollectedAnswer[]> =>
  Promise.all(prompts.map((prompt) => collectAnswer(generate(model, prompt, options))));

/** Fails unless both are the same: chosen by chance in any case, else as far as there is no near-tie. */
function assertSame(
  actual: readonly CollectedAnswer[],
  expected: readonly CollectedAnswer[],
  { seed }: GenerateOptions,
): void {
  for (const [i, answer] of actual.entries()) {
    const { tokens, text, reason, gaps } = expected[i] ?? assert.fail();
    if (seed === undefined) assertAnswer(answer.tokens, expected[i] ?? assert.fail(), answer.tokens.length);
    if (seed === undefined && Math.min(...gaps) < 0.005) continue;
    assert.deepEqual([answer.tokens, answer.text, answer.reason], [tokens, text, reason]);
  }
}

/** Requests that end an answer in the middle of a draft, and ways to choose it. */
const requests: Readonly<Record<string, GenerateOptions>> = {
  'the likeliest tokens': { maxTokens: 13 },
  'up to an end': { ignoreEnd: false, bias: new Map([[eos, 6]]), maxTokens: 13 },
  penalties: { maxTokens: 9, repeatPenalty: 1.4, frequencyPenalty: 0.5, presencePenalty: 0.5, repeatLastN: 16 },
  'a bias': { maxTokens: 9, bias: new Map([97, 300].map((token) => [token, 4])) },
  'as many as fit': { longest: 76, maxTokens: 9 },
  'one token': { maxTokens: 1 },
  'none at all': { maxTokens: 0 },
  'drawn with a seed': { maxTokens: 13, temperature: 1, seed: 3 },
  'drawn from all, with penalties': { maxTokens: 9, temperature: 1.3, topK: 0, topP: 1, seed: 4, repeatPenalty: 1.2 },
  'drawn from few': { maxTokens: 9, temperature: 2, minP: 0.02, topK: 20, seed: 5, bias: new Map([[97, 3]]) },
};

/** Answers to each prompt without drafts, when nobody else is there. */
async function plainly(options: GenerateOptions): Promise<readonly CollectedAnswer[]> {
  const answers: CollectedAnswer[] = [];
  for (const prompt of prompts) answers.push(await collectAnswer(generate(plain, prompt, options)));
  return answers;
}

const known: (readonly [string, GenerateOptions, readonly CollectedAnswer[]])[] = [];
for (const [name, options] of Object.entries(requests)) known.push([name, options, await plainly(options)]);
const text = known[0]?.[2][0]?.text ?? assert.fail();
const stops = { maxTokens: 13, stop: [text.slice(9, 12), 'none'] };
known.push(['up to a stop string', stops, await plainly(stops)]);

test('all drafts of the model itself are accepted: drawn with a seed or without, or the likeliest', async () => {
  await using model = await openDrafted(path, { draft: { model: path, ahead: 7, adaptive: false } });
  // The first token comes of the prompt; each of the three passes after it yields eight.
  const drawn = { temperature: 1, topK: 0, topP: 1, maxTokens: 25 };
  for (const options of [{ maxTokens: 25 }, drawn, { ...drawn, seed: 7 }]) {
    const before = { ...model.tally().sums };
    const generations = prompts.map((prompt) => generate(model, prompt, options));
    const answers = await Promise.all(generations.map(collectAnswer));
    for (const { stats } of generations) {
      assert.deepEqual(stats?.speculation, { drafted: 21, accepted: 21, passes: 3, tokens_per_pass: 8 });
      assert.equal(stats?.decode.tokens, 24);
    }
    const { drafted, accepted, answerTokens } = model.tally().sums;
    assert.deepEqual([drafted - before.drafted, accepted - before.accepted], [4 * 21, 4 * 21]);
    assert.equal(answerTokens - before.answerTokens, 4 * 25);
    if (options !== drawn) {
      assertSame(answers, await plainly(options), options);
    }
  }
});

for (const [how, options] of Object.entries({
  'streamed, by noise': { draft: { model: noise, ahead: 5, adaptive: false }, streamed: true },
  'adaptive, by noise and n-grams': { draft: { model: noise, ngram: true } },
  'by the model itself and n-grams': { draft: { model: path, ahead: 6, ngram: true, adaptive: false } },
})) {
  test(`${how}, four answers at once are what they are without drafts, whatever they are chosen by`, async () => {
    await using model = await openDrafted(path, options);
    assert.equal(model.plan().bytesPerPass > 0, how.startsWith('streamed'));
    for (const [name, request, expected] of known) {
      const answers = await answersOf(model, request);
      try {
        assertSame(answers, expected, request);
      } catch (error) {
        assert.fail(`${name}: ${error}`);
      }
    }
    const { drafted, accepted } = model.tally().sums;
    assert.ok(drafted > 0 && accepted < drafted, `${accepted} of ${drafted} drafts`);
  });
}

test('drawn without a seed, an answer is another one each time', async () => {
  await using model = await openDrafted(path, { draft: { model: noise, ahead: 3, adaptive: false } });
  const options = { temperature: 1.5, maxTokens: 12 };
  const texts = [...(await answersOf(model, options)), ...(await answersOf(model, options))].map(({ text }) => text);
  assert.equal(new Set(texts).size, texts.length);
});

test('where a text repeats itself the model is not asked, and is asked again where it does not', async (t) => {
  const { mock: asked } = t.mock.method(DraftEngine.prototype, 'propose');
  const draft = { model: noise, ahead: 3, adaptive: false };
  // The token that came most often is the next one, too: an answer of one token over and over.
  const monotonous = { maxTokens: 40, frequencyPenalty: -100, repeatPenalty: 1 };
  const counts = [];
  for (const ngram of [false, true]) {
    await using model = await openDrafted(path, { draft: { ...draft, ngram }, parallel: 1 });
    const prompt = prompts[1] ?? assert.fail();
    const expected = await collectAnswer(generate(plain, prompt, monotonous));
    assertAnswer((await collectAnswer(generate(model, prompt, monotonous))).tokens, expected);
    const before = asked.callCount();
    const again = await collectAnswer(generate(model, prompt, monotonous));
    assert.deepEqual(again.tokens, expected.tokens);
    counts.push(asked.callCount() - before);
    await collectAnswer(generate(model, prompt, { maxTokens: 10 }));
    assert.ok(asked.callCount() - before > (counts.at(-1) ?? 0));
  }
  const [alone = 0, together = 0] = counts;
  assert.ok(together < alone / 2, `${together} drafts of ${alone}`);
});

test('a real model drafts for itself while it is streamed: it says what libllama says, in fewer passes', async () => {
  const real = await smollm2();
  const draft = { model: real, ahead: 7, adaptive: false };
  await using model = openTestModel(real, 180 * 2 ** 20, { context: 64, draft });
  assert.ok(model.plan().bytesPerPass > 2 ** 24, 'weights are streamed');
  const prompt = model.tokenize([{ role: 'user', content: 'Why is the sky blue?' }]);
  const generation = model.generate(prompt, { ...greedy, maxTokens: 17 });
  for await (const _ of generation);
  assertAsLibllama(real, { prompt, answer: generation.tokens });
  const { drafted, accepted, passes } = generation.stats?.speculation ?? assert.fail();
  // The likeliest tokens alone and among others may differ where two are almost equally likely.
  assert.ok(accepted > 0 && accepted <= drafted && drafted <= 7 * passes && passes + accepted === 16);
});
