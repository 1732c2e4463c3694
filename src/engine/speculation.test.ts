import assert from 'node:assert/strict';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  answersAlone,
  assertAnswer,
  type CollectedAnswer,
  collectAnswer,
  greedy,
  promptOf,
  writeBatchModel,
} from '../../test/support/batch-model.ts';
import { rightOf, ScriptedDrafter } from '../../test/support/scripted-drafter.ts';
import { ScriptedEngine } from '../../test/support/scripted-engine.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { type Drafter, noDrafter } from './draft/drafter.ts';

const path = writeBatchModel(sharedPath('model.gguf'));

const prompt = promptOf(0, 20);
const maxTokens = 12;
const [expected = assert.fail()] = await answersAlone(path, [prompt], { maxTokens });

/** An engine whose sequences draft at most four tokens. */
const openScripted = ({ adaptive = false } = {}): Promise<ScriptedEngine> =>
  ScriptedEngine.open(path, { beside: 64 * 2 ** 20, context: 256, ahead: 4, parallel: 3, adaptive });

test('a drafter that fails, at once or later, fails its own sequence, and the others go on', async () => {
  await using engine = await openScripted();
  const answerBy = (drafter: Drafter): Promise<CollectedAnswer> =>
    collectAnswer(engine.generate(prompt, drafter, { ...greedy, maxTokens, logprobs: 2 }));
  const left: string[] = [];
  const failing = (name: string, propose: Drafter['propose']): Drafter => ({
    ...noDrafter(),
    propose,
    [Symbol.dispose]: () => left.push(name),
  });
  const atOnce = failing('at once', () => {
    throw new Error('no idea');
  });
  const later = failing('later', () => sleep(5).then(() => Promise.reject(new Error('no idea either'))));
  const right = new ScriptedDrafter(prompt.length, rightOf(expected.tokens));
  const [first, second, third] = await Promise.allSettled([answerBy(atOnce), answerBy(later), answerBy(right)]);
  assert.deepEqual(
    [first, second].map((outcome) => outcome.status === 'rejected' && outcome.reason.message),
    ['no idea', 'no idea either'],
  );
  assert.ok(third.status === 'fulfilled');
  assertAnswer(third.value.tokens, expected);
  assert.deepEqual(left, ['at once', 'later'], 'each is given up once');
  for (const { tokens } of await Promise.all([1, 2, 3].map(() => answerBy(noDrafter()))))
    assertAnswer(tokens, expected);
});

test('a drafter that cannot tell its cost fails its own sequence, and the loop goes on', async () => {
  await using engine = await openScripted({ adaptive: true });
  const answerBy = (drafter: Drafter): Promise<CollectedAnswer> =>
    collectAnswer(engine.generate(prompt, drafter, { ...greedy, maxTokens, logprobs: 2 }));
  const failing = Object.defineProperty(noDrafter(), 'cost', {
    get: () => {
      throw new Error('no idea');
    },
  });
  const other = answerBy(noDrafter());
  await assert.rejects(answerBy(failing), /^Error: no idea$/);
  for (const { tokens } of [await other, await answerBy(noDrafter())]) assertAnswer(tokens, expected);
});

test('a sequence whose drafter failed has told what was chosen before', async () => {
  await using engine = await openScripted();
  let asked = 0;
  const drafter: Drafter = {
    ...noDrafter(),
    propose: (most) => {
      asked += 1;
      if (asked === 3) throw new Error('no idea');
      return rightOf(expected.tokens)(most, asked).map((token) => ({ token }));
    },
  };
  const generation = engine.generate(prompt, drafter, { ...greedy, maxTokens, logprobs: 0 });
  const pieces: (number | undefined)[] = [];
  await assert.rejects(async () => {
    for await (const { token } of generation) pieces.push(token);
  }, /^Error: no idea$/);
  assert.ok(pieces.length > 4, `${pieces.length} pieces`);
  assert.deepEqual(pieces, expected.tokens.slice(0, pieces.length));
  assert.deepEqual(generation.tokens, pieces);
});

test('of more drafts than were asked for those at the end are cut off', async () => {
  await using engine = await openScripted();
  const { length } = prompt;
  const greedily = new ScriptedDrafter(length, (_, known) => expected.tokens.slice(known));
  const generation = engine.generate(prompt, greedily, { ...greedy, maxTokens, logprobs: 2 });
  assertAnswer((await collectAnswer(generation)).tokens, expected);
  // The drafts after the first token have 5, 5 and 1 tokens: the last pass has room for none.
  const { drafted, accepted, passes } = generation.stats?.speculation ?? assert.fail();
  assert.deepEqual([passes, drafted, accepted], [3, 8, 8]);

  const beyond = new ScriptedDrafter(length, () => [...expected.tokens, ...expected.tokens]);
  const { tokens } = await collectAnswer(engine.generate(prompt, beyond, { ...greedy, maxTokens: 2, logprobs: 2 }));
  assert.deepEqual(tokens, expected.tokens.slice(0, 2));
});

test('drafts that take longer than passes are never asked for, and those that cost nothing are tried', async () => {
  const most = { maxTokens: 60, prompt: promptOf(1, 9) };
  const counts: number[] = [];
  for (const cost of [0, 1000]) {
    await using engine = await openScripted({ adaptive: true });
    const plain = await collectAnswer(engine.generate(most.prompt, noDrafter(), { ...greedy, ...most, logprobs: 2 }));
    const right = new ScriptedDrafter(most.prompt.length, rightOf(plain.tokens));
    const drafter: Drafter = {
      acceptance: right.acceptance,
      cost,
      accept: () => right.accept(),
      propose: (wanted) => right.propose(wanted),
      [Symbol.dispose]: () => {},
    };
    const generation = engine.generate(most.prompt, drafter, { ...greedy, ...most, logprobs: 2 });
    assertAnswer((await collectAnswer(generation)).tokens, plain);
    counts.push(generation.stats?.speculation.drafted ?? assert.fail());
  }
  const [free = 0, dear = 0] = counts;
  assert.ok(free > 0 && dear === 0, `${free} and ${dear} drafts`);
});
