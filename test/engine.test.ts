import assert from 'node:assert/strict';
import { read } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { noDrafter } from '../src/engine/draft/drafter.ts';
import { Engine } from '../src/engine/engine.ts';
import type { Generation } from '../src/engine/generation.ts';
import { Sequence } from '../src/engine/sequence.ts';
import { Model } from '../src/model/model.ts';
import { Sampler } from '../src/sample/sampler.ts';
import { Vocabulary } from '../src/text/vocabulary.ts';
import {
  ask,
  assertAnswer,
  greedy,
  openBatchModel,
  promptOf,
  rightAnswer,
  writeBatchModel,
} from './support/batch-model.ts';
import { engineError } from './support/engine-error.ts';
import { openRuntime } from './support/open-model.ts';
import { outputOf } from './support/output-of.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));

const prompt = promptOf(0, 20);
const maxTokens = 12;
const { expected, isRight } = await rightAnswer(path, prompt, maxTokens);

/** Begins a generation and waits for its first piece. */
async function begin(model: Model, tokens = 200, signal?: AbortSignal): Promise<AsyncGenerator<unknown, void, void>> {
  const generation = model.generate(prompt, { ...greedy, maxTokens: tokens, logprobs: 0, signal });
  const pieces = generation[Symbol.asyncIterator]();
  await pieces.next();
  return pieces;
}

const readAll = async (generation: Generation): Promise<void> => {
  for await (const _ of generation);
};

test('sequences without a place wait for one, and get it in the order in which they came', async () => {
  await using model = openBatchModel(path, { parallel: 2 });
  const order: number[] = [];
  const answers = [0, 1, 2, 3, 4, 5].map(async (i) => {
    const { tokens } = await ask(model, prompt, { maxTokens, onPrompt: () => !order.includes(i) && order.push(i) });
    assertAnswer(tokens, expected);
  });
  await turn();
  assert.equal(model.tally().state.active + model.tally().state.waiting, 6);
  await Promise.all(answers);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([model.tally().state.active, model.tally().state.waiting], [0, 0]);
});

test('an abort makes room for a sequence that waits, while others go on', async () => {
  await using model = openBatchModel(path, { parallel: 2 });
  const abort = new AbortController();
  const other = await begin(model);
  const cut = await begin(model, 200, abort.signal);
  const waiting = isRight(model);
  await other.next();
  assert.equal(model.tally().state.waiting, 1);
  abort.abort();
  await waiting;
  assert.equal((await other.next()).done, false, 'the other one is still there');
  while (!(await cut.next()).done);
  await other.return();
  await isRight(model);
});

test('a sequence that is aborted before it begins, or while it waits, takes no place', async () => {
  await using model = openBatchModel(path, { parallel: 1 });
  const early = model.generate(prompt, { ...greedy, signal: AbortSignal.abort() });
  await readAll(early);
  const running = await begin(model);
  const abort = new AbortController();
  const waiting = model.generate(prompt, { ...greedy, signal: abort.signal });
  const over = readAll(waiting);
  await running.next();
  abort.abort();
  await over;
  assert.deepEqual([early.stopReason, waiting.stopReason], ['cancelled', 'cancelled']);
  assert.deepEqual([early.tokens, waiting.tokens], [[], []]);
  await running.return();
  await isRight(model);
});

test('where the last of a pass leaves, the pass ends at its next step', async () => {
  let slow = false;
  await using model = openBatchModel(path, {
    streamed: true,
    readAt: (fd, into, position, done) => {
      setTimeout(() => read(fd, into, 0, into.length, position, done), slow ? 20 : 0);
    },
  });
  const running = await Promise.all([begin(model), begin(model)]);
  slow = true;
  const before = model.tally().sums.passes;
  await Promise.all(running.map((pieces) => pieces.return()));
  slow = false;
  await isRight(model);
  assert.equal(model.tally().sums.passes - before, maxTokens);
});

test('a prompt that nobody waits for any more ends at its next step, while that of another goes on', async () => {
  let reads = 0;
  await using model = openBatchModel(path, {
    streamed: true,
    readAt: (fd, into, position, done) => {
      reads += 1;
      read(fd, into, 0, into.length, position, done);
    },
  });
  /** The reads of a prompt, whose client leaves once the first step of its pass is over, or stays. */
  const readsOf = async (seed: number, leaves: boolean): Promise<number> => {
    const client = new AbortController();
    const before = reads;
    const onPrompt = (): void => (leaves ? client.abort() : undefined);
    await readAll(model.generate(promptOf(seed, 60), { ...greedy, maxTokens: 1, onPrompt, signal: client.signal }));
    while (model.tally().state.active > 0) await turn();
    return reads - before;
  };
  await isRight(model);
  const whole = await readsOf(1, false);
  const { passes } = model.tally().sums;
  const left = await readsOf(2, true);
  assert.ok(left < 0.75 * whole, `${left} of ${whole} reads`);
  assert.equal(model.tally().sums.passes, passes);
  await Promise.all([isRight(model), readsOf(3, true)]);
});

test('closing while eight run and four wait ends them all with MODEL_CLOSED, also where prompts are kept', async () => {
  using cache = tempFolder();
  for (const options of [{}, { promptCache: { bytes: 2 ** 20, folder: cache.path, warn: assert.fail } }]) {
    for (const passes of [0, 1, 4, 12]) {
      const model = openBatchModel(path, options);
      const answers = Array.from({ length: 12 }, (_, i) => ask(model, promptOf(i, 30 + 9 * i), { maxTokens: 100 }));
      const rejected = Promise.all(answers.map((answer) => assert.rejects(answer, engineError('MODEL_CLOSED'))));
      while (model.tally().sums.passes < passes) await turn();
      await model[Symbol.asyncDispose]();
      await rejected;
    }
  }
});

test('a closed model keeps nobody waiting: neither those that had a place nor those that wanted it for themselves', async () => {
  const model = openBatchModel(path, { parallel: 1 });
  const running = await begin(model);
  const alone = assert.rejects(
    model.measure(() => Promise.resolve()),
    engineError('MODEL_CLOSED'),
  );
  const unread = model.generate(prompt, greedy);
  await model[Symbol.asyncDispose]();
  await alone;
  await assert.rejects(readAll(unread), engineError('MODEL_CLOSED'));
  await assert.rejects(
    (async () => {
      while (!(await running.next()).done);
    })(),
    'MODEL_CLOSED',
  );
});

test('who wants the runtime alone waits for those before, and those behind wait for them', async () => {
  await using model = openBatchModel(path);
  const events: string[] = [];
  const tell = (event: string): void => void events.push(event);
  const before = ask(model, prompt, { maxTokens }).then(() => tell('before'));
  const alone = model.measure(async ({ caches }) => {
    tell('alone');
    assert.equal(model.tally().state.active, 0);
    assert.equal(caches.free, true);
    await sleep(20);
    tell('not any more');
  });
  const failing = model.measure(() => Promise.reject(new Error('no')));
  const behind = ask(model, prompt, { maxTokens }).then(() => tell('behind'));
  await assert.rejects(failing, /^Error: no$/);
  await Promise.all([before, alone, behind]);
  assert.deepEqual(
    events.filter((event) => event !== 'before'),
    ['alone', 'not any more', 'behind'],
  );
  assert.ok(events.indexOf('before') < events.indexOf('not any more'));
});

test('whoever fails by its own callback fails alone', async () => {
  await using model = openBatchModel(path);
  const onPrompt = (): never => {
    throw new Error('a callback failed');
  };
  const [failed, ...others] = await Promise.allSettled([
    ask(model, prompt, { maxTokens, onPrompt }),
    ...[1, 2, 3].map(() => isRight(model)),
  ]);
  assert.match(String(failed.status === 'rejected' && failed.reason), /a callback failed/);
  for (const { status } of others) assert.equal(status, 'fulfilled');
  assert.equal(model.tally().state.active, 0);
});

/** A sequence of one more token. */
const sequenceOf = (vocabulary: Vocabulary, newSampler: () => Sampler): Sequence =>
  new Sequence({
    prompt,
    vocabulary,
    newSampler,
    newDrafter: noDrafter,
    output: outputOf(vocabulary, []),
    maxTokens: 1,
    longest: 64,
    ignoreEnd: true,
    logprobs: 0,
  });

test('a sequence that fails as it begins leaves its place to the next', async () => {
  await using model = await openRuntime(path, { context: 64 });
  using vocabulary = Vocabulary.open(path);
  const engine = new Engine(() => Promise.resolve(model.runtime));
  const failing = sequenceOf(vocabulary, () => {
    throw new Error('there is no sampler');
  });
  const next = sequenceOf(vocabulary, () => new Sampler(400, { temperature: 0 }));
  for (const sequence of [failing, next]) engine.submit(sequence);
  await assert.rejects(failing.read(), /no sampler/);
  assert.equal((await next.read())?.token, expected.tokens[0]);
  await engine.close(new Error('closed'));
});

test('an error before a pass ends the sequences that it was for, and the loop goes on', async () => {
  await using model = await openRuntime(path, { context: 64, parallel: 2 });
  using vocabulary = Vocabulary.open(path);
  const { runtime } = model;
  const { limits } = runtime;
  const engine = new Engine(() => Promise.resolve(runtime));
  const submit = (): Sequence => {
    const sequence = sequenceOf(vocabulary, () => new Sampler(400, { temperature: 0 }));
    engine.submit(sequence);
    return sequence;
  };
  Object.defineProperty(runtime, 'limits', { configurable: true, get: () => assert.fail('no limits') });
  for (const sequence of [submit(), submit()]) await assert.rejects(sequence.read(), /no limits/);
  Object.defineProperty(runtime, 'limits', { value: limits });
  for (const sequence of [submit(), submit()]) assert.equal((await sequence.read())?.token, expected.tokens[0]);
  await engine.close(new Error('closed'));
});

test('prompts that do not fit are refused one by one', async () => {
  await using model = openBatchModel(path, { parallel: 2 });
  const long = ask(model, promptOf(1, 257), { maxTokens });
  const limited = ask(model, prompt, { maxTokens, longest: 19 });
  await Promise.all([
    assert.rejects(long, engineError('CONTEXT_TOO_LONG')),
    assert.rejects(limited, engineError('CONTEXT_TOO_LONG')),
    isRight(model),
  ]);
});

test('an answer ends where the context is full, or what it may take of it', async () => {
  await using model = openBatchModel(path);
  const until = async (length: number, longest?: number): Promise<number> => {
    const { tokens, reason } = await ask(model, promptOf(3, length), { maxTokens: 999, longest });
    assert.equal(reason, 'length');
    return tokens.length;
  };
  // The last token is not stored any more.
  assert.deepEqual(await Promise.all([until(256), until(250), until(20, 30), until(20, 30.5)]), [1, 7, 11, 12]);
});

test('options that make no sense are refused, not waited for', async () => {
  for (const parallel of [0, -1, 1.5]) {
    await using model = openBatchModel(path, { parallel });
    await assert.rejects(ask(model, prompt, { maxTokens }), engineError('BAD_OPTION'));
  }
  await using model = openBatchModel(path);
  await assert.rejects(ask(model, prompt, { maxTokens, longest: Number.NaN }), engineError('BAD_OPTION'));
});

test('a runtime that cannot be opened fails who asked for it, and all who ask later', async () => {
  await using model = Model.open(path, { memoryBudget: 2 ** 20, parallel: 2, threads: 1 });
  const asks = [1, 2, 3].map(() => assert.rejects(ask(model, prompt, { maxTokens }), engineError('BUDGET_TOO_SMALL')));
  await Promise.all(asks);
  await assert.rejects(ask(model, prompt, { maxTokens }), engineError('BUDGET_TOO_SMALL'));
});

test('no sequence is forgotten while caches are being kept', async () => {
  using cache = tempFolder();
  const promptCache = { bytes: 2 ** 20, folder: cache.path, warn: assert.fail };
  await using model = openBatchModel(path, { parallel: 2, promptCache });
  const visit = async (i: number): Promise<void> => {
    await sleep(5 * i);
    await ask(model, promptOf(i, 33 + (i % 3)), { maxTokens: 1 + (i % 4) });
  };
  await Promise.all(Array.from({ length: 25 }, (_, i) => visit(i)));
  await isRight(model);
});
