import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { FileLock } from './file-lock.ts';
import { ownerOf } from './owner.ts';
import { changeSharedFile } from './shared-file.ts';

const inUse = engineError('FILE_IN_USE');

test('nobody else changes a shared file while it is read and written', () => {
  using folder = tempFolder();
  const path = folder.file('deep/shared');
  changeSharedFile(folder.file('deep'), 'shared', () => {
    assert.throws(() => FileLock.acquire(path), inUse);
    return 'text';
  });
  assert.equal(readFileSync(path, 'utf8'), 'text');
  assert.throws(
    () =>
      changeSharedFile(folder.file('deep'), 'shared', () => {
        throw new RangeError('no change');
      }),
    RangeError,
  );
  assert.equal(readFileSync(path, 'utf8'), 'text');
  assert.deepEqual(readdirSync(folder.file('deep')), ['shared'], 'nothing else is left there');
});

test('a change waits for that of another process, and counts it', { skip: process.platform === 'win32' }, () => {
  using folder = tempFolder();
  const path = folder.file('shared');
  writeFileSync(path, 'old');
  writeFileSync(`${path}.lock`, `ssd-llm ${ownerOf(process.ppid)} some-id\n`);
  const code = `fs.writeFileSync('shared', 'other'); fs.rmSync('shared.lock');`;
  const other = spawn(process.execPath, ['-e', code], { cwd: folder.path });
  assert.ok(other.pid);
  // A busy machine may take long to start a process.
  changeSharedFile(folder.path, 'shared', () => `${readFileSync(path, 'utf8')} and mine`, 600_000);
  assert.equal(readFileSync(path, 'utf8'), 'other and mine');
});

test('a file that another process does not let go is left as it is', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('shared'), 'old');
  writeFileSync(folder.file('shared.lock'), `ssd-llm ${ownerOf(process.ppid)} some-id\n`);
  assert.throws(() => changeSharedFile(folder.path, 'shared', () => 'new', 0), inUse);
  assert.equal(readFileSync(folder.file('shared'), 'utf8'), 'old');
});
