import assert from 'node:assert/strict';
import { read } from 'node:fs';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import {
  answersAlone,
  ask,
  assertAnswer,
  type CollectedAnswer,
  greedy,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { openTestModel } from './support/open-model.ts';
import { assertAsLibllama } from './support/oracle.ts';
import { rounds } from './support/rounds.ts';
import { smollm2 } from './support/smollm2.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));

/** Less than a batch, whole batches, a little more, several. */
const lengths = [3, 17, 64, 65, 100, 130, 1, 80];
const prompts = lengths.map((length, seed) => promptOf(seed, length));
const maxTokens = 32;

/** Answers to each prompt when nobody else is there. */
const alone = await answersAlone(path, prompts, { maxTokens });
const expected = (i: number): CollectedAnswer => alone[i] ?? assert.fail();

for (const streamed of [false, true]) {
  const how = streamed ? 'streamed' : 'resident';

  test(`${how}, each of eight sequences gives what it gives alone, whatever the others are`, async () => {
    await using model = openBatchModel(path, { streamed });
    assert.equal(model.plan().bytesPerPass > 0, streamed);
    const answers = await Promise.all(prompts.map((prompt) => ask(model, prompt, { maxTokens })));
    for (const [i, { tokens, reason }] of answers.entries()) {
      assertAnswer(tokens, expected(i));
      assert.equal(reason, 'length');
    }
    const { sums, state } = model.tally();
    assert.equal(sums.answerTokens, 8 * maxTokens);
    assert.equal(
      sums.promptTokens,
      lengths.reduce((a, b) => a + b),
    );
    assert.ok(sums.sequences / sums.passes > 5, 'also where prompts are long');
    assert.deepEqual([state.active, state.waiting], [0, 0]);
  });

  test(`${how}, sequences come and go at any time, and all answers are right`, async () => {
    using cache = tempFolder();
    const promptCache = { bytes: 3 * 2 ** 20, folder: streamed ? cache.path : undefined, warn: assert.fail };
    await using model = openBatchModel(path, { streamed, parallel: 3, promptCache });
    const anyVisit = fc.record({
      i: fc.nat(lengths.length - 1),
      most: fc.integer({ min: 0, max: maxTokens }),
      delay: fc.nat(30),
      leaves: fc.oneof({ weight: 2, arbitrary: fc.constant('never') }, fc.constantFrom('breaks', 'aborts', 'forgets')),
      after: fc.nat(12),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyVisit, { minLength: 1, maxLength: 9 }), async (visits) => {
        const visit = async ({ i, most, delay, leaves, after }: (typeof visits)[number]): Promise<void> => {
          for (let ms = 0; ms < delay; ms += 1) await turn();
          const abort = new AbortController();
          const options = { ...greedy, maxTokens: most, logprobs: 0, signal: abort.signal };
          const generation = model.generate(prompts[i] ?? [], options);
          const pieces = generation[Symbol.asyncIterator]();
          let count = 0;
          while (!(await pieces.next()).done) {
            count += 1;
            if (count <= after) continue;
            if (leaves === 'forgets') break;
            if (leaves === 'breaks') await pieces.return();
            if (leaves === 'aborts') abort.abort();
          }
          const { tokens, stopReason } = generation;
          assertAnswer(tokens, expected(i), tokens.length);
          if (leaves === 'forgets') return;
          assert.ok(stopReason === 'cancelled' ? count > after : tokens.length === most, `${stopReason}`);
        };
        await Promise.all(visits.map(visit));
      }),
      { numRuns: streamed ? rounds(3, 6) : rounds(5, 12) },
    );
    assertAnswer((await ask(model, prompts[4] ?? [], { maxTokens })).tokens, expected(4));
  });
}

test('eight that decode share every pass', async () => {
  await using model = openBatchModel(path);
  const short = prompts.map((prompt) => prompt.slice(0, 3));
  await Promise.all(short.map((prompt) => ask(model, prompt, { maxTokens: 30 })));
  const { passes, sequences } = model.tally().sums;
  assert.deepEqual([passes, sequences], [30, 8 * 30]);
});

test('a sequence that nobody reads does not hold up the others', async () => {
  await using model = openBatchModel(path, { parallel: 2 });
  const unread = model.generate(prompts[0] ?? [], { ...greedy, maxTokens })[Symbol.asyncIterator]();
  await unread.next();
  for (const i of [1, 2, 3]) assertAnswer((await ask(model, prompts[i] ?? [], { maxTokens })).tokens, expected(i));
  let text = '';
  for (let next = await unread.next(); !next.done; next = await unread.next()) text += next.value.text;
  assert.ok(expected(0).text.endsWith(text));
});

test('each sequence keeps to its own options', async () => {
  const options = [
    { maxTokens: 5 },
    { maxTokens: 40, bias: new Map([[300, 1000]]) },
    { maxTokens: 40, temperature: 1, seed: 7, repeatPenalty: 1.5 },
    { maxTokens: 0 },
    { maxTokens: 40, stop: [expected(0).text.slice(9, 12)] },
    { maxTokens: 40, longest: 12 },
  ];
  const prompt = prompts[0] ?? [];
  const each: CollectedAnswer[] = [];
  {
    await using model = openBatchModel(path, { parallel: 1 });
    for (const own of options) each.push(await ask(model, prompt, own));
  }
  assert.deepEqual(
    each.map(({ reason }) => reason),
    ['length', 'length', 'length', 'length', 'stop', 'length'],
  );
  assert.ok(each[1]?.tokens.every((token) => token === 300));
  assert.equal(each[5]?.tokens.length, 12 - prompt.length + 1);
  await using model = openBatchModel(path);
  const together = await Promise.all(options.map((own) => ask(model, prompt, own)));
  for (const [i, { tokens, text }] of together.entries()) {
    assertAnswer(tokens, each[i] ?? assert.fail());
    if (i === 4) assert.equal(text, each[i]?.text);
  }
});

test('a failed read ends the sequences of the pass, and the next ones are right', async () => {
  let failing = Number.POSITIVE_INFINITY;
  await using model = openBatchModel(path, {
    streamed: true,
    readAt: (fd, into, position, done) => {
      failing -= 1;
      if (failing !== 0) read(fd, into, 0, into.length, position, done);
      else done(Object.assign(new Error('input/output error'), { code: 'EIO' }), 0);
    },
  });
  for (const reads of [3, 150]) {
    failing = reads;
    const outcomes = await Promise.allSettled(prompts.map((prompt) => ask(model, prompt, { maxTokens })));
    const failures = outcomes.filter((outcome) => outcome.status === 'rejected');
    assert.ok(failures.length > 0 && failures.every(({ reason }) => reason.code === 'READ_FAILED'));
    for (const [i, outcome] of outcomes.entries()) {
      if (outcome.status === 'fulfilled') assertAnswer(outcome.value.tokens, expected(i));
    }
    const answers = await Promise.all(prompts.map((prompt) => ask(model, prompt, { maxTokens })));
    for (const [i, { tokens }] of answers.entries()) assertAnswer(tokens, expected(i));
  }
});

test('a real model answers several questions at once as it answers each', async () => {
  const things = ['sky blue', 'sea salty', 'night dark'];
  const questions = things.map((thing) => [{ role: 'user', content: `Why is the ${thing}?` }] as const);
  await using model = openTestModel(await smollm2(), 80 * 2 ** 20, { context: 128, parallel: 3 });
  const each: CollectedAnswer[] = [];
  for (const question of questions) each.push(await ask(model, model.tokenize(question), { maxTokens: 8 }));
  const before = { ...model.tally().sums };
  const together = await Promise.all(
    questions.map((question) => ask(model, model.tokenize(question), { maxTokens: 8 })),
  );
  for (const [i, { tokens }] of together.entries()) assertAnswer(tokens, each[i] ?? assert.fail(), 8, 0.2);
  const [first = assert.fail()] = questions;
  assertAsLibllama(await smollm2(), { prompt: model.tokenize(first), answer: each[0]?.tokens ?? assert.fail() });
  const { passes, sequences } = model.tally().sums;
  assert.ok((sequences - before.sequences) / (passes - before.passes) > 2);
  assert.ok(model.plan().bytesPerPass > 0, 'weights were streamed');
});
