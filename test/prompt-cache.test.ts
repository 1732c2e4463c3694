import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import type { Model } from '../src/model/model.ts';
import {
  ask,
  assertAnswer,
  type BatchOptions,
  type CollectedAnswer,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { storedBytes } from './support/caches.ts';
import { some } from './support/rounds.ts';
import { sharedFolder, type TempFolder, tempFolder } from './support/temp-folder.ts';

const MiB = 2 ** 20;
const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));

const maxTokens = 10;
const prompts = [100, 150, 200, 129, 65].map((length, seed) => promptOf(seed, length));
/** Tokens of each prompt in whole batches of 64, without the last token. */
const reusable = [64, 128, 192, 128, 64];

const answer = (model: Model, prompt: readonly number[]): Promise<CollectedAnswer> => ask(model, prompt, { maxTokens });

/** Answers to each prompt where nothing is reused. */
const uncached: CollectedAnswer[] = [];
{
  await using model = openBatchModel(path, { parallel: prompts.length });
  for (const prompt of prompts) uncached.push(await answer(model, prompt));
}
assert.deepEqual(
  uncached.map(({ cached }) => cached),
  prompts.map(() => 0),
);

/** Fails unless the answer has the same bits as without reuse, and so many tokens were reused. */
function assertSame(actual: CollectedAnswer, i: number, cached: number = reusable[i] ?? 0): void {
  const { tokens, logprobs } = uncached[i] ?? assert.fail();
  assert.deepEqual([actual.tokens, actual.logprobs, actual.cached], [tokens, logprobs, cached]);
}

const kept = (cache: TempFolder, bytes = 0): NonNullable<BatchOptions['promptCache']> => ({
  bytes,
  folder: cache.path,
  warn: assert.fail,
});

for (const streamed of [false, true]) {
  const how = streamed ? 'streamed' : 'resident';

  test(`${how}, a prompt that comes again in its cache is reused by whole batches, and gives the same bits`, async () => {
    await using model = openBatchModel(path, { streamed, parallel: prompts.length });
    for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i, 0);
    for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i);
    const { prefixHits, prefixMisses, cachedTokens, promptTokens } = model.tally().sums;
    assert.deepEqual([prefixHits, prefixMisses], [5, 5]);
    assert.equal(
      cachedTokens,
      reusable.reduce((a, b) => a + b),
    );
    assert.equal(promptTokens + cachedTokens, 2 * prompts.flat().length);
  });

  test(`${how}, prompts beyond the caches come back from memory, and give the same bits`, async () => {
    await using model = openBatchModel(path, { streamed, parallel: 2, promptCache: { bytes: 8 * MiB } });
    for (const round of some([0, 1, 2], 2)) {
      for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i, round && reusable[i]);
    }
  });

  test(`${how}, prompts come back from the folder after a restart, and give the same bits`, async () => {
    using cache = tempFolder();
    for (const round of [0, 1]) {
      await using model = openBatchModel(path, { streamed, parallel: 2, promptCache: kept(cache) });
      for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i, round && reusable[i]);
    }
    assert.ok(readdirSync(cache.path).every((name) => name.endsWith('.kv')));
  });
}

test('what was computed beside others is reused as what was computed alone', async () => {
  await using model = openBatchModel(path, { promptCache: { bytes: 8 * MiB } });
  const busy = ask(model, promptOf(77, 5), { maxTokens: 60 });
  for (const cached of [prompts.map(() => 0), reusable]) {
    const answers = await Promise.all(prompts.map((prompt) => answer(model, prompt)));
    for (const [i, { tokens, cached: found }] of answers.entries()) {
      assertAnswer(tokens, uncached[i] ?? assert.fail());
      assert.equal(found, cached[i]);
    }
  }
  await busy;
  for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i);
});

test('a conversation goes on from where it was: question, answer and all', async () => {
  const turn = promptOf(9, 30);
  const first = prompts[0] ?? [];
  for (const kernels of ['plain', 'auto'] as const) {
    await using model = openBatchModel(path, { kernels, parallel: 1 });
    const { tokens } = await answer(model, first);
    const whole = [...first, ...tokens, ...turn];
    const next = await answer(model, whole);
    assert.equal(next.cached, kernels === 'plain' ? 64 : first.length + tokens.length - 1);
    await using other = openBatchModel(path, { kernels, parallel: 1 });
    assertAnswer(next.tokens, await answer(other, whole));
  }
});

test('a prompt that a cache holds as a whole and more is taken back to its last token', async () => {
  await using model = openBatchModel(path, { parallel: 1, kernels: 'auto' });
  const [long = []] = prompts;
  const [whole, short] = [await answer(model, long), await answer(model, long.slice(0, 50))];
  assert.deepEqual([whole.cached, short.cached], [0, 49]);
  await using other = openBatchModel(path, { parallel: 1, kernels: 'auto' });
  assertAnswer((await answer(other, long.slice(0, 50))).tokens, short);
});

test('what an aborted answer left in its cache is right as far as it is reused', async () => {
  using cache = tempFolder();
  await using model = openBatchModel(path, { streamed: true, parallel: 2, promptCache: kept(cache, 4 * MiB) });
  for (const [i, prompt] of prompts.entries()) {
    for (const ms of some([0, 15, 5, 40], 2)) {
      const signal = AbortSignal.timeout(ms);
      await ask(model, prompt, { maxTokens: 20, signal });
      const again = await answer(model, prompt);
      assertSame(again, i, again.cached);
    }
  }
});

test('files that were cut short or changed are done without: the answers are the same', async () => {
  using cache = tempFolder();
  {
    await using model = openBatchModel(path, { parallel: 2, promptCache: kept(cache) });
    for (const prompt of prompts) await answer(model, prompt);
  }
  for (const [i, name] of readdirSync(cache.path).entries()) {
    const file = cache.file(name);
    if (i % 2 === 0) truncateSync(file, statSync(file).size - 5);
    else appendFileSync(file, 'more');
  }
  writeFileSync(cache.file('foreign.kv'), 'nothing of ours');
  await using model = openBatchModel(path, { parallel: 2, promptCache: kept(cache) });
  for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i, 0);
});

test('another file of the same name, other kernels, or another rope reuse nothing of what was kept', async () => {
  using cache = tempFolder();
  const [prompt = []] = prompts;
  const cached = async (options: BatchOptions): Promise<number> => {
    await using model = openBatchModel(path, { promptCache: kept(cache), ...options });
    return (await answer(model, prompt)).cached;
  };
  assert.deepEqual([await cached({}), await cached({}), await cached({ kernels: 'auto' })], [0, 64, 0]);
  assert.deepEqual([await cached({ rope: { base: 2e4 } }), await cached({ rope: { base: 2e4 } })], [0, 64]);
  assert.equal(await cached({}), 64);
  const { mtimeMs } = statSync(path);
  utimesSync(path, mtimeMs / 1000, mtimeMs / 1000 + 10);
  assert.equal(await cached({}), 0);
});

test('a folder that cannot be used costs a warning, not an answer', async () => {
  using cache = tempFolder();
  writeFileSync(cache.file('file'), '');
  const warnings: Error[] = [];
  const promptCache = { bytes: 8 * MiB, folder: cache.file('file'), warn: (reason: Error) => warnings.push(reason) };
  await using model = openBatchModel(path, { parallel: 2, promptCache });
  for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i, 0);
  for (const [i, prompt] of prompts.entries()) assertSame(await answer(model, prompt), i);
  assert.ok(warnings.length > 0);
});

test('a cache is not measured on while it is being kept', async () => {
  using cache = tempFolder();
  {
    await using model = openBatchModel(path, { parallel: 1, promptCache: kept(cache) });
    await answer(model, prompts[2] ?? []);
    await model.measure(async ({ caches: { all } }) => {
      for (const stored of all) {
        for (const bytes of storedBytes(stored, 200)) bytes.fill(60);
        stored.truncate(0);
      }
    });
  }
  await using model = openBatchModel(path, { parallel: 1, promptCache: kept(cache) });
  assertSame(await answer(model, prompts[2] ?? []), 2);
});
