import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { noDrafter } from '../src/engine/draft/drafter.ts';
import type { Model } from '../src/model/model.ts';
import type { KvOptions } from '../src/plan/kv-options.ts';
import {
  answersAlone,
  ask,
  assertAnswer,
  type BatchOptions,
  type CollectedAnswer,
  collectAnswer,
  greedy,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { rounds, some } from './support/rounds.ts';
import { mixOf, ScriptedDrafter } from './support/scripted-drafter.ts';
import { ScriptedEngine } from './support/scripted-engine.ts';
import { SpiedReader } from './support/spied-reader.ts';
import { sharedFolder, tempFolder } from './support/temp-folder.ts';

const MiB = 2 ** 20;
const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));

const onSsd: KvOptions = { home: 'ssd', folder: folder.file('kv') };
const maxTokens = 20;
const prompts = [3, 17, 64, 65, 130, 190].map((length, seed) => promptOf(seed, length));

/** Answers to each prompt when nobody else is there, with keys and values in memory. */
const alone = await answersAlone(path, prompts, { maxTokens });
const expected = (i: number): CollectedAnswer => alone[i] ?? assert.fail();

/** Opens the runtime. Nothing may be read to, or from, where something is being written. */
const spyOn = (model: Model): Promise<SpiedReader> =>
  model.measure(async ({ reader }) => new SpiedReader(reader, { delay: 1 }));

for (const streamed of [false, true]) {
  const how = streamed ? 'streamed' : 'resident';

  test(`${how}, several at once over keys and values on the SSD give what each gives alone in memory`, async () => {
    for (const window of streamed ? [{ tokens: 250, sinks: 4 }] : [undefined]) {
      await using model = openBatchModel(path, { streamed, parallel: 3, kv: { ...onSsd, window } });
      const spy = await spyOn(model);
      const { kvOnSsd, bytesPerPass } = model.plan();
      assert.ok(kvOnSsd >= 3 * 12 * 256 * 512 && bytesPerPass > 0 === streamed);
      for (let round = 0; round < rounds(1, 2); round += 1) {
        const answers = await Promise.all(prompts.map((prompt) => ask(model, prompt, { maxTokens })));
        for (const [i, { tokens }] of answers.entries()) assertAnswer(tokens, expected(i));
      }
      spy.assertNoRaces();
      assert.ok(spy.reads > 0 && spy.writes > 0);
    }
    assert.deepEqual(readdirSync(folder.file('kv')), [], 'nothing has a name there');
  });

  test(`${how}, what an answer that was given up left on the SSD is right as far as it is reused`, async () => {
    await using model = openBatchModel(path, { streamed, parallel: 2, kv: onSsd });
    const spy = await spyOn(model);
    for (const [i, prompt] of some([...prompts.entries()], 3)) {
      for (const ms of streamed ? [3, 25] : [3]) {
        const gone = ask(model, prompt, { maxTokens: 60, signal: AbortSignal.timeout(ms) });
        const [other] = await Promise.all([ask(model, prompts[2] ?? [], { maxTokens }), gone]);
        assertAnswer(other.tokens, expected(2));
        assertAnswer((await ask(model, prompt, { maxTokens })).tokens, expected(i));
      }
    }
    spy.assertNoRaces();
  });
}

test('whatever is drafted, answers over keys and values on the SSD are those without drafts', async () => {
  const all = Array.from({ length: 400 }, (_, token) => token);
  const own = { context: 256, beside: 70 * MiB, parallel: 3, kv: onSsd };
  await using engine = await ScriptedEngine.open(path, { ...own, ahead: 7 });
  assert.ok(engine.plan.kvOnSsd > 0);
  const spy = new SpiedReader(engine.runtime.reader, { delay: 1 });
  for (const right of some([0, 1, 0.8], 2)) {
    const answers = prompts.map(async (prompt, i) => {
      const script = mixOf(expected(i).tokens, right, all, i);
      const drafter = right === 0 && i === 0 ? noDrafter() : new ScriptedDrafter(prompt.length, script);
      const answer = await collectAnswer(engine.generate(prompt, drafter, { ...greedy, maxTokens, logprobs: 2 }));
      assertAnswer(answer.tokens, expected(i));
    });
    await Promise.all(answers);
  }
  assert.ok(engine.sums.accepted > 0 && engine.sums.drafted > engine.sums.accepted);
  spy.assertNoRaces();
});

test('n-grams draft over keys and values on the SSD as they do over those in memory', async () => {
  const prompt = [...promptOf(3, 40), ...promptOf(3, 40)];
  const draft = { ngram: true, ahead: 8, adaptive: false };
  const options = { maxTokens: 90 };
  await using plain = openBatchModel(path, { parallel: 1, kv: { home: 'ram' } });
  const wanted = await ask(plain, prompt, options);
  for (const window of [undefined, { tokens: 200, sinks: 2 }]) {
    await using model = openBatchModel(path, { parallel: 1, draft, kv: { ...onSsd, window } });
    const answer = await ask(model, prompt, options);
    assertAnswer(answer.tokens, wanted);
    assert.ok(model.tally().sums.drafted > 0);
  }
});

/** Tokens of each prompt in whole batches of 64, without the last token. */
const reusable = prompts.map(({ length }) => Math.floor((length - 1) / 64) * 64);

test('prompts come back from a folder after a restart, wherever keys and values lived and live', async () => {
  const ram: KvOptions = { home: 'ram' };
  const restarts = [
    [onSsd, onSsd],
    [onSsd, ram],
    [ram, onSsd],
  ];
  for (const homes of some(restarts, 2)) {
    using cache = tempFolder();
    const promptCache: BatchOptions['promptCache'] = { bytes: 0, folder: cache.path, warn: assert.fail };
    for (const [round, kv] of homes.entries()) {
      await using model = openBatchModel(path, { streamed: true, parallel: 2, promptCache, kv });
      for (const [i, prompt] of prompts.entries()) {
        if (i < 3) continue;
        const answer = await ask(model, prompt, { maxTokens });
        const { tokens, logprobs } = expected(i);
        assert.deepEqual([answer.tokens, answer.logprobs], [tokens, logprobs], 'bit for bit');
        assert.equal(answer.cached, round === 0 ? 0 : reusable[i]);
      }
    }
    assert.ok(readdirSync(cache.path).every((name) => name.endsWith('.kv')));
  }
});

test('where keys and values are on the SSD, no memory is set aside for those of earlier prompts', async () => {
  const promptCache = { bytes: 'auto' } as const;
  await using inMemory = openBatchModel(path, { promptCache, kv: { home: 'ram' } });
  await using model = openBatchModel(path, { promptCache, kv: onSsd });
  assert.ok(inMemory.plan().promptCache > 0);
  assert.equal(model.plan().promptCache, 0);
  await using asked = openBatchModel(path, { promptCache: { bytes: 3 * MiB }, kv: onSsd });
  assert.throws(() => asked.plan(), /promptCache.bytes 3145728 is not valid/);
});

test('closing a model while keys and values are written ends it, and what waits', async () => {
  const model = openBatchModel(path, { streamed: true, parallel: 2, kv: onSsd });
  const spy = await spyOn(model);
  const running = Promise.allSettled(prompts.slice(3).map((prompt) => ask(model, prompt, { maxTokens: 60 })));
  while (spy.writes === 0) await turn();
  await model[Symbol.asyncDispose]();
  for (const { status } of await running) assert.equal(status, 'rejected');
});
