import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, truncateSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import type { Model } from '../src/model/model.ts';
import type { ModelOptions } from '../src/model/model-options.ts';
import type { KvOptions } from '../src/plan/kv-options.ts';
import {
  answersAlone,
  ask,
  assertAnswer,
  type CollectedAnswer,
  openBatchModel,
  promptOf,
  writeBatchModel,
} from './support/batch-model.ts';
import { engineError } from './support/engine-error.ts';
import { smallSsd } from './support/full-disk.ts';
import { cachedBytes } from './support/page-cache.ts';
import { descriptorsOf } from './support/processes.ts';
import { some } from './support/rounds.ts';
import { SpiedReader } from './support/spied-reader.ts';
import { sharedFolder } from './support/temp-folder.ts';

const folder = sharedFolder();
const path = writeBatchModel(folder.file('model.gguf'));

const linux = process.platform === 'linux';
const onSsd: KvOptions = { home: 'ssd', folder: folder.file('kv') };
const maxTokens = 16;
const prompts = [130, 65, 20].map((length, seed) => promptOf(seed, length));
const promptAt = (i: number): readonly number[] => prompts[i] ?? assert.fail();
const alone = await answersAlone(path, prompts, { maxTokens });

async function isRight(model: Model, i: number): Promise<CollectedAnswer> {
  const answer = await ask(model, promptAt(i), { maxTokens });
  assertAnswer(answer.tokens, alone[i] ?? assert.fail());
  return answer;
}

const spyOn = (model: Model): Promise<SpiedReader> => model.measure(async ({ reader }) => new SpiedReader(reader));

for (const [what, code] of [
  ['Write', 'WRITE_FAILED'],
  ['Read', 'READ_FAILED'],
] as const) {
  test(`where a ${what.toLowerCase()} of keys and values fails, the sequence of that pass fails, and the next is computed anew`, async () => {
    await using model = openBatchModel(path, { streamed: true, parallel: 2, kv: onSsd });
    const spy = await spyOn(model);
    await isRight(model, 0);
    for (const later of some([0, 1, 7], 2)) {
      await model.forget();
      for (const i of [0, 1]) await isRight(model, i);
      assert.ok((await isRight(model, 0)).cached > 0);
      spy.fail(what, later);
      // From 128 tokens on a unit is full.
      const other = [...promptAt(0).slice(0, 100), ...promptOf(9, 60)];
      await assert.rejects(ask(model, other, { maxTokens }), engineError(code));
      assert.equal((await isRight(model, 0)).cached, 0);
    }
    spy.assertNoRaces();
  });
}

const openFiles = (): readonly number[] =>
  readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => {
      try {
        return /ssd-llm-kv\.\S+\.tmp \(deleted\)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
      } catch {
        return false;
      }
    });

test('a file that is cut while it is in use fails who needs it, and nobody waits for ever', {
  skip: !linux,
}, async () => {
  await using model = openBatchModel(path, { parallel: 2, kv: onSsd });
  await isRight(model, 0);
  const [fd, ...others] = openFiles();
  assert.equal(others.length, 0);
  truncateSync(`/proc/self/fd/${fd}`, 2 ** 14);
  await assert.rejects(ask(model, promptAt(1), { maxTokens }), engineError('FILE_CHANGED'));
});

test('however opening ends, no file is left open or in the folder', { skip: !linux }, async () => {
  const before = descriptorsOf(process.pid);
  for (let i = 0; i < 3; i += 1) {
    await using model = openBatchModel(path, { parallel: 2, kv: onSsd });
    await isRight(model, 2);
    assert.equal(openFiles().length, 1);
  }
  writeFileSync(folder.file('file'), '');
  await using model = openBatchModel(path, { parallel: 2, kv: { home: 'ssd', folder: folder.file('file') } });
  for (let i = 0; i < 3; i += 1) await assert.rejects(ask(model, promptAt(0), { maxTokens }), engineError('KV_SPACE'));
  assert.equal(descriptorsOf(process.pid), before);
  assert.deepEqual(readdirSync(folder.file('kv')), []);
});

test('a disk without room for keys and values is KV_SPACE before anything is computed, and one with room will do', async (t) => {
  using disk = smallSsd(2 * 2 ** 20);
  if (!disk) return t.skip('no disk of its own can be made');
  const options: ModelOptions & { parallel: number } = { parallel: 1, kv: { home: 'ssd', folder: disk.path } };
  {
    await using model = openBatchModel(path, { ...options, parallel: 2 });
    await assert.rejects(ask(model, promptAt(0), { maxTokens }), engineError('KV_SPACE'));
    assert.deepEqual(readdirSync(disk.path), []);
  }
  await using model = openBatchModel(path, options);
  assert.equal(model.plan().kvOnSsd, 12 * 256 * 512);
  await isRight(model, 0);
});

test('keys and values on the SSD are not in the page cache as well', { skip: !linux }, async (t) => {
  await using model = openBatchModel(path, { parallel: 1, kv: onSsd });
  await isRight(model, 0);
  const { direct } = (await model.start()).reader;
  if (!direct) return t.skip('this file system has no direct reads');
  const [fd] = openFiles();
  const left = cachedBytes(`/proc/${process.pid}/fd/${fd}`);
  if (left === undefined) return t.skip('nothing here tells what is in the page cache');
  assert.equal(left, 0);
  assert.ok(
    readFileSync(`/proc/self/fd/${fd}`).some((byte) => byte !== 0),
    'but on the SSD',
  );
});

test('a text taken back behind a pass that failed on the way is only reused where it was not overwritten', async () => {
  for (const kv of [{ home: 'ram' } as const, onSsd]) {
    const window = { tokens: 60, sinks: 4 };
    await using model = openBatchModel(path, { streamed: true, parallel: 1, context: 600, kv: { ...kv, window } });
    const [long, tail] = [promptOf(3, 250), promptOf(4, 62)];
    const short = [...long.slice(0, 64), 5];
    const wanted = await ask(model, short, { maxTokens });
    await ask(model, long, { maxTokens: 1 });
    const giveUp = new AbortController();
    const onPrompt = ({ tokens }: { tokens: number }): void => {
      if (tokens > 290) giveUp.abort();
    };
    const { reason } = await ask(model, [...long, ...tail], { maxTokens: 1, signal: giveUp.signal, onPrompt });
    assert.equal(reason, 'cancelled');
    assertAnswer((await ask(model, short, { maxTokens })).tokens, wanted);
  }
});
