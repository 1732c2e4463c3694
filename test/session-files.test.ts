import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { crc32 } from 'node:zlib';
import { ownerOf } from '../src/base/owner.ts';
import { ConversationFile } from '../src/cli/conversation-file.ts';
import { readSession, restoreSession, saveSession } from '../src/model/session-files.ts';
import { CachePool } from '../src/state/cache-pool.ts';
import { encodeHeader } from '../src/state/saved-header.ts';
import type { SequenceCache } from '../src/state/sequence-cache.ts';
import { assertHolds, filled, inOnePiece, smallShape, textOf } from './support/caches.ts';
import { engineError } from './support/engine-error.ts';
import { smallDisk } from './support/full-disk.ts';
import { makePipe } from './support/pipes.ts';
import { tempFolder } from './support/temp-folder.ts';

const refuses = (reason: RegExp): ReturnType<typeof engineError> => engineError('SESSION_UNREADABLE', reason);

const magicBytes = 26;
const slotsOf = (cache: SequenceCache): CachePool => new CachePool([cache], { stores: [], exactBatch: undefined });

const text = { text: 'Once upon a time' };

/** Saves a text of so many tokens. */
async function save(path: string, length: number): Promise<void> {
  using cache = filled(smallShape(128), textOf(1, length), 0);
  await saveSession(
    { caches: new CachePool([cache], { stores: [], exactBatch: undefined }), identity: 'a model' },
    path,
    text,
  );
}

/** The bytes of a file up to its header's length and checksum, the header, and what is behind. */
function partsOf(file: Buffer): { magic: Buffer; header: Record<string, unknown>; rest: Buffer } {
  const end = magicBytes + 8 + file.readUInt32LE(magicBytes);
  const header = JSON.parse(file.toString('utf8', magicBytes + 8, end)) as Record<string, unknown>;
  return { magic: file.subarray(0, magicBytes), header, rest: file.subarray(end) };
}

/** A file whose header has a length and a checksum that are right. */
function joined(magic: Buffer, header: string, rest: Buffer = Buffer.alloc(0)): Buffer {
  const json = Buffer.from(header);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32LE(json.length);
  numbers.writeUInt32LE(crc32(json), 4);
  return Buffer.concat([magic, numbers, json, rest]);
}

test('every field of a header is checked before it is used', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  const whole = readFileSync(path);
  const { magic, header, rest } = partsOf(whole);
  const none = [undefined, null, true, 'x'.repeat(9), -1, 0.5, 1e300, {}, [null], [-1], ['7'], [[]], { length: 3 }];
  /** Fields that may be left out, or hold what is none of the others' business. */
  const free = (key: string, value: unknown): boolean =>
    (['identity', 'form'].includes(key) && typeof value === 'string') || (key === 'written' && value === 1e300);
  const wrong = [
    ...Object.keys(header).flatMap((key) => none.map((value) => [key, { ...header, [key]: value }] as const)),
    ['exact', { ...header, exact: 41 }],
    ['written', { ...header, written: 39 }],
    ['tokens', { ...header, tokens: Array(129).fill(1) }],
    ['pieces', { ...header, pieces: [[2 ** 22 + 1, 0]] }],
  ] as const;
  for (const [key, changed] of wrong) {
    const value = (changed as Record<string, unknown>)[key];
    if (free(key, value)) continue;
    writeFileSync(path, joined(magic, JSON.stringify(changed), rest));
    await assert.rejects(
      ConversationFile.open(path),
      refuses(/cannot be right|keeps no conversation|not whole|damaged/),
      key,
    );
  }
  assert.deepEqual(readdirSync(folder.path), ['talk.kv']);
  writeFileSync(path, joined(magic, JSON.stringify(header), rest));
  (await ConversationFile.open(path))[Symbol.dispose]();
});

test('tokens that the model does not have, and keys and values that are damaged, are done without', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  const whole = readFileSync(path);
  const { magic, header, rest } = partsOf(whole);
  const damaged = Buffer.from(whole);
  damaged[whole.length - 1] = 1 ^ (whole.at(-1) ?? 0);
  const pieces = (header['pieces'] as [number, number][]).map(([bytes, sum]) => [bytes, sum]).toReversed();
  const restored: boolean[] = [];
  for (const [bytes, vocabulary] of [
    [whole, 5000],
    [whole, 1030],
    [damaged, 5000],
    [joined(magic, JSON.stringify({ ...header, pieces }), rest), 5000],
    [joined(magic, JSON.stringify({ ...header, identity: 'another model' }), rest), 5000],
  ] as const) {
    writeFileSync(path, bytes);
    using cache = filled(smallShape(128), textOf(2, 128));
    const kept = (await readSession(path)) ?? assert.fail();
    restored.push(await restoreSession({ caches: slotsOf(cache), identity: 'a model' }, kept, vocabulary));
    if (restored.at(-1)) assertHolds(cache, textOf(1, 40));
  }
  assert.deepEqual(restored, [true, false, false, false, false]);
});

test('of a text whose state is too much to be copied a session has the tokens alone', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  using cache = filled(smallShape(128), textOf(1, 40));
  await saveSession({ caches: slotsOf(inOnePiece(cache)), identity: 'a model' }, path, text);
  const kept = (await readSession(path)) ?? assert.fail();
  assert.deepEqual([...kept.tokens], textOf(1, 40));
  using other = filled(smallShape(128), textOf(2, 50));
  assert.equal(await restoreSession({ caches: slotsOf(other), identity: 'a model' }, kept, 5000), false);
  assertHolds(other, textOf(2, 50));
});

test('a session is for its user only, also where the file was for others, and nothing is left beside it', async (t) => {
  if (process.platform === 'win32') return t.skip('files have other rights there');
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o666);
  await save(path, 60);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path), ['talk.kv']);
});

test('a pipe, a folder or a device in its place is refused at once', {
  skip: process.platform === 'win32',
}, async () => {
  using folder = tempFolder();
  makePipe(folder.file('pipe.kv'));
  await assert.rejects(ConversationFile.open(folder.file('pipe.kv')), refuses(/it is a named pipe, not a file/));
  await assert.rejects(ConversationFile.open(folder.path), refuses(/it is a folder, not a file/));
  assert.deepEqual(readdirSync(folder.path), ['pipe.kv']);
});

test('a session that one has open is in use for others, by whatever link they come', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  const isUsed = engineError('FILE_IN_USE');
  {
    using _ = await ConversationFile.open(path);
    await assert.rejects(ConversationFile.open(`${folder.path}/./talk.kv`), isUsed);
    if (process.platform !== 'win32') {
      symlinkSync(path, folder.file('link.kv'));
      await assert.rejects(ConversationFile.open(folder.file('link.kv')), isUsed);
    }
  }
  (await ConversationFile.open(path))[Symbol.dispose]();
});

test('what a killed save left beside a session is removed when that is opened again', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const left = `talk.kv.${ownerOf(pid)}-00000000-0000-4000-8000-000000000000.tmp`;
  writeFileSync(folder.file(left), 'half of it');
  (await ConversationFile.open(path))[Symbol.dispose]();
  assert.deepEqual(readdirSync(folder.path), ['talk.kv']);
});

test('a folder that is not there is found out when the session is opened', async () => {
  using folder = tempFolder();
  await assert.rejects(ConversationFile.open(folder.file('nowhere/talk.kv')), engineError('UNWRITABLE', /ENOENT/));
});

test('on a full disk a session stays as it was, and that is said', async (t) => {
  const disk = smallDisk(2 * 4096);
  if (!disk) return t.skip('needs a disk of its own');
  using folder = disk;
  const path = folder.file('talk.kv');
  await save(path, 60);
  const before = readFileSync(path);
  await assert.rejects(save(path, 120), engineError('WRITE_FAILED', /ENOSPC/));
  assert.ok(readFileSync(path).equals(before));
  assert.deepEqual(readdirSync(folder.path), ['talk.kv']);
});

test('a header with millions of values is refused before it is parsed', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  const noTokens = { tokens: new Int32Array(), exact: 0, written: 0, snapshots: [] };
  const head = Buffer.concat(encodeHeader({ identity: '', form: '', ...noTokens, pieces: [] }));
  for (const json of [`[${'{},'.repeat(1e6)}{}]`, `[${'1,'.repeat(5e6)}1]`, '['.repeat(5e6)]) {
    writeFileSync(path, joined(head.subarray(0, magicBytes), json));
    await assert.rejects(ConversationFile.open(path), refuses(/too many values/));
  }
});
