import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { deferred } from '../../test/support/deferred.ts';
import { engineError, rejectsWith } from '../../test/support/engine-error.ts';
import { smallDisk } from '../../test/support/full-disk.ts';
import type { ModelHost } from '../../test/support/model-host.ts';
import { pullTrial } from '../../test/support/pull-trial.ts';
import { smallBytes } from '../../test/support/small-model.ts';
import type { OwnStore } from '../stores/own-store.ts';
import { removeUnfinishedModel, unfinishedModels } from '../stores/unfinished-models.ts';
import type { DownloadPlan, PullEvent } from './download.ts';

const KiB = 2 ** 10;
const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const [small] = smallBytes({ fill: 7, vocabulary: 200 });
const [first, second = small] = smallBytes({ fill: 9, split: 2 });

/** The bytes of a model's layers in a store, by kind, one after another. */
function stored(store: OwnStore, name: string): readonly (readonly [string, Buffer])[] {
  return (store.read(name) ?? assert.fail(`no ${name}`)).map(({ mediaType, digest = '', file }) => [
    mediaType.split('.').at(-1) ?? '',
    readFileSync(file === undefined ? store.blobPath(digest) : join(store.folder, file)),
  ]);
}

/** Bytes that were asked for, but for the first so many requests. */
const requested = ({ downloads }: ModelHost, before: number): number =>
  downloads.slice(before).reduce((sum, { range = '' }) => {
    const [from = 0, to = 0] = range.replace('bytes=', '').split('-').map(Number);
    return sum + to + 1 - from;
  }, 0);

const unfinishedIn = ({ unfinished }: OwnStore): readonly string[] =>
  existsSync(unfinished) ? readdirSync(unfinished) : [];

const checkProgress = (events: readonly PullEvent[]): void => {
  const bytes = events.flatMap((event) => (event.kind === 'bytes' ? [event] : []));
  for (const [i, { all, part }] of bytes.entries()) {
    const before = bytes[i - 1];
    assert.ok(part.done <= part.total && all.done <= all.total);
    if (before === undefined) continue;
    assert.ok(before.all.done <= all.done && before.all.total === all.total);
    assert.ok(before.file !== bytes[i]?.file || before.part.done <= part.done);
  }
  assert.equal(bytes.at(-1)?.all.done, bytes.at(-1)?.all.total);
};

test('a model of a repository comes in parallel ranges, with its header first, and is called by repository and quantization', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'README.md': Buffer.from('#'), 'tiny-Q4_K_M.gguf': small });
  const name = await t.pull('hf.co/org/Tiny-GGUF:q4_k_m');
  assert.equal(name, 'hf.co/org/tiny-gguf:q4_k_m');
  assert.deepEqual(stored(t.store, name), [['model', small]]);
  const kinds = [...new Set(t.events.map(({ kind }) => kind))];
  assert.deepEqual(kinds, ['manifest', 'bytes', 'checking', 'writing']);
  checkProgress(t.events);
  assert.equal(t.plans.length, 1);
  assert.equal(t.plans[0]?.bytes, small.length);
  assert.ok((t.plans[0]?.missing ?? 0) < small.length, 'the header is there already');
  assert.ok(t.host.downloads.length > 3);
  assert.deepEqual(unfinishedIn(t.store), []);
});

test('what is there is not downloaded again, nor is a file that another name has', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  await t.pull('org/Tiny-GGUF');
  const { length } = t.host.downloads;
  t.events.length = 0;
  await t.pull('org/Tiny-GGUF');
  checkProgress(t.events);
  t.host.addModel('library/tiny', 'latest', { model: small });
  await t.pull(`${t.host.host}/library/tiny`);
  assert.equal(t.host.downloads.length, length);
  assert.equal(t.plans.length, 1, 'there is nothing to plan');
});

test('a split model comes whole, and each part finds the others by its name', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Big', {
    'sub/big-Q8_0-00001-of-00002.gguf': first,
    'sub/big-Q8_0-00002-of-00002.gguf': second,
  });
  const name = await t.pull('hf.co/org/Big:Q8_0');
  assert.deepEqual(stored(t.store, name), [
    ['model', first],
    ['model', second],
  ]);
  const [found] = t.store.models((_, error) => assert.ifError(error));
  const { openModelFile } = await import('../gguf/model-file.ts');
  assert.equal(openModelFile(found?.path ?? '').files.length, 2);
  checkProgress(t.events);
});

test('a model of a registry comes with its template, its parameters, its adapter and its licence', async () => {
  await using t = await pullTrial();
  const texts = { template: '{{ .Prompt }}', system: 'Be short.', params: '{"stop":["END"]}', license: 'MIT' };
  t.host.addModel('library/tiny', '1b', { model: small, adapter: first, ...texts });
  const name = await t.pull(`${t.host.host}/library/tiny:1b`);
  assert.equal(name, `${t.host.host}/library/tiny:1b`);
  const found = Object.fromEntries(stored(t.store, name).map(([kind, bytes]) => [kind, bytes]));
  assert.deepEqual(found['model'], small);
  assert.deepEqual(found['adapter'], first);
  for (const [kind, text] of Object.entries(texts)) assert.equal(found[kind]?.toString(), text);
});

test('connections that are cut in the middle go on where they were', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  Object.assign(t.host.faults, { cutAfter: 700, cuts: 4 });
  t.host.faults.statuses.push(503, 429);
  const name = await t.pull('org/Tiny-GGUF');
  assert.deepEqual(stored(t.store, name), [['model', small]]);
  checkProgress(t.events);
  const starts = t.host.downloads.map(({ range }) => range?.split('-')[0]);
  assert.ok(starts.includes('bytes=700'), 'the rest of a range is asked for, not all of it');
});

test('a download that failed, or was left, goes on with what has come', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  const leave = new AbortController();
  const onEvent = (event: PullEvent): void => {
    if (event.kind === 'bytes' && event.all.done > 5 * KiB) leave.abort(new Error('left'));
  };
  await assert.rejects(t.pull('org/Tiny-GGUF', { signal: leave.signal, onEvent }), /left/);
  assert.equal(unfinishedIn(t.store).length, 1);
  t.host.faults.statuses.push(...Array.from({ length: 20 }, () => 500));
  await rejectsWith(t.pull('org/Tiny-GGUF'), 'DOWNLOAD_FAILED');
  t.host.faults.statuses.length = 0;
  const before = t.host.downloads.length;
  const name = await t.pull('org/Tiny-GGUF');
  assert.deepEqual(stored(t.store, name), [['model', small]]);
  const bytes = requested(t.host, before);
  assert.ok(bytes <= small.length - 5 * KiB, `${bytes} of ${small.length}`);
});

test('what has come of a model is known by its name, and can be removed, but not while it comes', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  const gate = deferred();
  Object.assign(t.host.faults, { gate: gate.promise, free: 3 });
  const leave = new AbortController();
  const pulling = assert.rejects(t.pull('org/Tiny-GGUF', { signal: leave.signal }), /left/);
  await t.host.waiting;
  const [coming = assert.fail()] = unfinishedModels(t.store.unfinished);
  assert.deepEqual([coming.name, coming.pulledBy], ['hf.co/org/tiny-gguf:q4_k_m', 'hf.co/org/tiny-gguf:q4_k_m']);
  assert.throws(() => removeUnfinishedModel(coming), engineError('FILE_IN_USE'));
  leave.abort(new Error('left'));
  await pulling;
  gate.resolve();
  const [left = assert.fail()] = unfinishedModels(t.store.unfinished);
  assert.ok(left.bytes > 0 && left.bytes <= small.length);
  removeUnfinishedModel(left);
  assert.deepEqual(unfinishedIn(t.store), []);
  const name = await t.pull('org/Tiny-GGUF');
  assert.deepEqual(stored(t.store, name), [['model', small]]);
  assert.deepEqual(unfinishedModels(t.store.unfinished), []);
});

test('a server without ranges is read from the beginning, in one', async () => {
  await using t = await pullTrial();
  t.host.faults.ranges = false;
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  Object.assign(t.host.faults, { cutAfter: 9 * KiB, cuts: 2 });
  const name = await t.pull('org/Tiny-GGUF');
  assert.deepEqual(stored(t.store, name), [['model', small]]);
  checkProgress(t.events);
});

test('bytes with a wrong sum are removed, and the error says so', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  t.host.faults.damaged = true;
  const error = await rejectsWith(t.pull('org/Tiny-GGUF'), 'DOWNLOAD_DAMAGED');
  assert.match(error.message, /were removed/);
  assert.equal(t.store.read('hf.co/org/tiny-gguf:q4_k_m'), undefined);
  assert.ok(!t.store.hasBlob(digestOf(small)));
  t.host.faults.damaged = false;
  assert.deepEqual(stored(t.store, await t.pull('org/Tiny-GGUF')), [['model', small]]);
});

test('a file that is no model is refused after its first bytes', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': Buffer.alloc(64 * KiB, 'x') });
  const error = await rejectsWith(t.pull('org/Tiny-GGUF'), 'NOT_GGUF');
  assert.match(error.message, /^http:\/\/\S+\/tiny-Q4_K_M\.gguf is not a GGUF file \(it starts with "xxxx"\)/);
  assert.deepEqual(unfinishedIn(t.store), [], 'nothing that could go on');
  assert.equal(t.host.downloads.length, 1);
});

test('a header longer than the first bytes is fetched whole before the plan', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  const { readHeader } = await import('../gguf/header.ts');
  let tensors = 0;
  const onPlan = async ({ path }: DownloadPlan): Promise<void> => {
    tensors = readHeader(path).weights.size;
    assert.equal(statSync(path).size, small.length);
  };
  await t.pull('org/Tiny-GGUF', { onPlan, pace: { piece: 3 * KiB, atOnce: 1, header: 64, record: 60_000 } });
  assert.equal(tensors, 3);
});

test('a disk without room is told before the download, with what is missing', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  const error = await rejectsWith(t.pull('org/Tiny-GGUF', { freeOf: () => 3 * KiB }), 'NO_ROOM');
  assert.equal(error.details.free, 3 * KiB);
  assert.equal(error.details.bytes, t.plans[0]?.missing);
  assert.equal(t.plans[0]?.free, 3 * KiB);
});

test('a disk that becomes full ends the download, with what is missing', async (context) => {
  const disk = smallDisk(40 * KiB);
  if (disk === undefined) return context.skip('no disk can be made here');
  await using t = await pullTrial(disk);
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': Buffer.concat([small, Buffer.alloc(100 * KiB)]) });
  const { details } = await rejectsWith(t.pull('org/Tiny-GGUF', { freeOf: () => undefined }), 'NO_ROOM');
  assert.ok(details.bytes > 50 * KiB && details.free < 40 * KiB);
});

test('two pulls of one model at once: the second waits, and finds it there', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  const gate = deferred();
  t.host.faults.gate = gate.promise;
  const first = t.pull('org/Tiny-GGUF');
  const events: PullEvent[] = [];
  const second = t.pull('org/Tiny-GGUF', {
    onEvent: (event) => {
      events.push(event);
      if (event.kind === 'waiting') gate.resolve();
    },
  });
  assert.equal(await first, await second);
  assert.ok(events.some(({ kind }) => kind === 'waiting'));
  const asked = t.host.downloads.map(({ range }) => range);
  assert.equal(new Set(asked).size, asked.length, 'no range is asked for twice');
});

test('the token goes to Hugging Face alone, not to where it redirects', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  t.host.faults.token = 'secret';
  const denied = await rejectsWith(t.pull('org/Tiny-GGUF'), 'ACCESS_DENIED');
  assert.match(denied.message, /org\/Tiny-GGUF is not open to everybody.*HF_TOKEN/);
  const other = await rejectsWith(
    t.pull('org/Tiny-GGUF', { web: { hub: t.host.url, token: 'wrong' } }),
    'ACCESS_DENIED',
  );
  assert.match(other.message, /ask for access/);
  await t.pull('org/Tiny-GGUF', { web: { hub: t.host.url, token: 'secret' } });
  const told = t.host.asked.filter(({ authorization }) => authorization === 'Bearer secret');
  assert.ok(told.length > 0 && told.every(({ host }) => host === 'front'));
  t.host.addModel('library/tiny', 'latest', { model: first });
  t.host.asked.length = 0;
  await rejectsWith(
    t.pull(`${t.host.host}/library/tiny`, { web: { hub: 'https://huggingface.invalid', token: 'secret' } }),
    'ACCESS_DENIED',
  );
  assert.ok(t.host.asked.every(({ authorization }) => authorization === undefined));
});

test('an address that nobody answers at is told at once, with what to look at', async () => {
  await using t = await pullTrial();
  const error = await rejectsWith(
    t.pull('org/Tiny-GGUF', { web: { hub: 'http://127.0.0.1:1', pause: 60_000 } }),
    'UNREACHABLE',
  );
  assert.match(error.message, /127\.0\.0\.1:1 cannot be reached \(ECONNREFUSED\)/);
});

test('a process that is killed leaves what it has, and its lock is taken over', async () => {
  await using t = await pullTrial();
  t.host.addRepository('org/Tiny-GGUF', { 'tiny-Q4_K_M.gguf': small });
  const gate = deferred();
  Object.assign(t.host.faults, { gate: gate.promise, free: 4 });
  const script = fileURLToPath(new URL('../../test/support/pull-slowly.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, t.host.url, t.folder.path], { stdio: 'ignore' });
  await Promise.race([t.host.waiting, once(child, 'exit')]);
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  t.host.faults.gate = undefined;
  gate.resolve();
  const before = t.host.downloads.length;
  const name = await t.pull('org/Tiny-GGUF');
  assert.deepEqual(stored(t.store, name), [['model', small]]);
  assert.ok(requested(t.host, before) < small.length - 2 * KiB);
});
