import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { crc32 } from 'node:zlib';
import { EngineError } from '../src/base/errors.ts';
import { Session } from '../src/cli/session.ts';
import { saveSession } from '../src/engine/session.ts';
import { Slots } from '../src/engine/slots.ts';
import { encodeHeader } from '../src/kv/kept-header.ts';
import { smallDisk } from './support/full-disk.ts';
import { attackSessions } from './support/session-attack.ts';
import { filled, smallShape, textOf } from './support/slots.ts';
import { tempFolder } from './support/temp-folder.ts';

const refuses = (reason: RegExp) => (error: unknown) => {
  assert.ok(error instanceof EngineError && error.code === 'SESSION_UNREADABLE', String(error));
  assert.match(error.message, reason);
  return true;
};

const text = { text: 'Once upon a time' };

/** Saves a text of so many tokens. */
async function save(path: string, length: number): Promise<void> {
  using slot = filled(smallShape(128), textOf(1, length), 0);
  await saveSession(
    { slots: new Slots([slot], { stores: [], exactBatch: undefined }), identity: 'a model' },
    path,
    text,
  );
}

test('whatever a session file holds, it is refused by name or done without', async () => {
  const { refused, restored, again, failed } = await attackSessions(300, 'quick');
  assert.deepEqual(failed, []);
  assert.ok(Math.min(refused, restored, again) > 5, `${refused} refused, ${restored} restored, ${again} again`);
});

test('a session is for its user only, also where the file was for others, and nothing is left beside it', async (t) => {
  if (process.platform === 'win32') return t.skip('files have other rights there');
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  spawnSync('chmod', ['666', path]);
  await save(path, 60);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path), ['talk.kv']);
});

test('a pipe, a folder or a device in its place is refused at once', {
  skip: process.platform === 'win32',
}, async () => {
  using folder = tempFolder();
  spawnSync('mkfifo', [folder.file('pipe.kv')]);
  await assert.rejects(Session.open(folder.file('pipe.kv')), refuses(/it is a named pipe, not a file/));
  await assert.rejects(Session.open(folder.path), refuses(/it is a folder, not a file/));
  assert.deepEqual(readdirSync(folder.path), ['pipe.kv']);
});

test('a session that one has open is in use for others, by whatever link they come', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  await save(path, 40);
  const isUsed = (error: unknown): boolean => error instanceof EngineError && error.code === 'FILE_IN_USE';
  {
    using _ = await Session.open(path);
    await assert.rejects(Session.open(`${folder.path}/./talk.kv`), isUsed);
    if (process.platform !== 'win32') {
      spawnSync('ln', ['-s', path, folder.file('link.kv')]);
      await assert.rejects(Session.open(folder.file('link.kv')), isUsed);
    }
  }
  (await Session.open(path))[Symbol.dispose]();
});

test('a folder that is not there is found out when the session is opened', async () => {
  using folder = tempFolder();
  await assert.rejects(
    Session.open(folder.file('nowhere/talk.kv')),
    (error) => error instanceof EngineError && error.code === 'UNWRITABLE' && /ENOENT/.test(error.message),
  );
});

test('on a full disk a session stays as it was, and that is said', async (t) => {
  const disk = smallDisk(2 * 4096);
  if (!disk) return t.skip('needs a disk of its own');
  using folder = disk;
  const path = folder.file('talk.kv');
  await save(path, 60);
  const before = readFileSync(path);
  await assert.rejects(
    save(path, 120),
    (error) => error instanceof EngineError && error.code === 'WRITE_FAILED' && /ENOSPC/.test(error.message),
  );
  assert.ok(readFileSync(path).equals(before));
  assert.deepEqual(readdirSync(folder.path), ['talk.kv']);
});

test('a header with millions of values is refused before it is parsed', async () => {
  using folder = tempFolder();
  const path = folder.file('talk.kv');
  const head = encodeHeader({ identity: '', shape: smallShape(1), tokens: [], exact: 0, written: 0, pieces: [] });
  for (const json of [`[${'{},'.repeat(1e6)}{}]`, `[${'1,'.repeat(5e6)}1]`, '['.repeat(5e6)]) {
    const bytes = Buffer.from(json);
    const numbers = Buffer.alloc(8);
    numbers.writeUInt32LE(bytes.length);
    numbers.writeUInt32LE(crc32(bytes), 4);
    writeFileSync(path, Buffer.concat([head.subarray(0, 26), numbers, bytes]));
    await assert.rejects(Session.open(path), refuses(/too many values/));
  }
});
