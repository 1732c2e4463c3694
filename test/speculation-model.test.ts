import assert from 'node:assert/strict';
import test from 'node:test';
import type { Generation } from '../src/engine/generation.ts';
import type { Model } from '../src/model/model.ts';
import type { ModelOptions } from '../src/model/model-options.ts';
import { assertAnswer, type CollectedAnswer, collectAnswer } from './support/batch-model.ts';
import { engineError } from './support/engine-error.ts';
import { openTestModel } from './support/open-model.ts';
import { mixOf, ScriptedDrafter } from './support/scripted-drafter.ts';
import { ScriptedEngine } from './support/scripted-engine.ts';
import { shared } from './support/shared.ts';
import { smollm2 } from './support/smollm2.ts';

const MiB = 2 ** 20;
const path = await smollm2();
const list = 'apples, pears, plums, cherries, peaches, melons, lemons, oranges';
const prompts = [`${list}, figs, dates, ${list}`, 'Why is the sky blue?'];
const context = 96;

/** Under a budget that most of the weights fit in. */
const open = (draft?: ModelOptions['draft']): Model => openTestModel(path, 90 * MiB, { context, parallel: 2, draft });

/** Sums over several tokens round differently, which the many layers of a quantized model make more of. */
const tie = 0.2;
const greedy = { temperature: 0, maxTokens: 20, logprobs: 2, ignoreEnd: true } as const;
const all = (model: Model): readonly Generation[] => prompts.map((prompt) => model.generate(prompt, greedy));
const read = (generations: readonly Generation[]): Promise<readonly CollectedAnswer[]> =>
  Promise.all(generations.map(collectAnswer));

const plain = shared(open());
const tokensOf = prompts.map((prompt) => plain.tokenize(prompt));
const expected = await read(all(plain));

test('a real model answers by drafts of what came before as it does without, in fewer passes', async () => {
  assert.ok(plain.plan().bytesPerPass > 0, 'weights are streamed');
  await using model = open({ ngram: true, adaptive: false });
  const generations = all(model);
  for (const [i, { tokens }] of (await read(generations)).entries()) {
    assertAnswer(tokens, expected[i] ?? assert.fail(), 20, tie);
  }
  const [repeated, other] = generations.map(({ stats }) => stats?.speculation ?? assert.fail());
  assert.ok(repeated && other);
  for (const { drafted, accepted, passes } of [repeated, other])
    assert.ok(accepted <= drafted && passes + accepted === 19);
  const { drafted, accepted } = model.tally().sums;
  assert.deepEqual([drafted, accepted], [repeated.drafted + other.drafted, repeated.accepted + other.accepted]);
});

test('whatever is drafted, a real model answers the same', async () => {
  const beside = 120 * MiB;
  await using engine = await ScriptedEngine.open(path, { beside, context, ahead: 7, parallel: 2, adaptive: true });
  const any = Array.from({ length: engine.vocabulary.size }, (_, token) => token);
  const answers = tokensOf.map(async (prompt, i) => {
    const before = expected[i] ?? assert.fail();
    const drafter = new ScriptedDrafter(prompt.length, mixOf(before.tokens, 0.8, any, i));
    assertAnswer((await collectAnswer(engine.generate(prompt, drafter, greedy))).tokens, before, 20, tie);
  });
  await Promise.all(answers);
  const { drafted, accepted } = engine.sums;
  assert.ok(accepted > 0 && accepted < drafted);
});

test('drafts by numbers that make no sense are refused', async () => {
  for (const ahead of [-1, 1.5, Number.NaN]) {
    await using model = open({ ngram: true, ahead });
    await assert.rejects(collectAnswer(model.generate('Hi', greedy)), engineError('BAD_OPTION'));
  }
});

test('room for drafts is part of the plan: the more, the less is left for weights', async () => {
  const shares = [];
  for (const draft of [undefined, ...[0, 1, 7, 31].map((ahead) => ({ ngram: true, ahead }))]) {
    await using model = open(draft);
    const plan = model.plan();
    const { runtime, kv, compute, ring, resident } = plan.shares;
    assert.ok(runtime + kv + compute + ring + resident <= plan.budget);
    shares.push(compute);
  }
  const [none = 0, zero, ...more] = shares;
  assert.equal(none, zero);
  // For each of the two sequences the logits of each draft, 49152 of 4 bytes, beside others.
  for (const [i, ahead] of [1, 7, 31].entries()) assert.ok((more[i] ?? 0) - none >= 2 * ahead * 49152 * 4);
});
