import assert from 'node:assert/strict';
import { closeSync, fstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { forbidWriting, smallDisk } from '../../test/support/full-disk.ts';
import { descriptorsOf } from '../../test/support/processes.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { openKvFile } from './kv-file.ts';

const MiB = 2 ** 20;
const linux = process.platform === 'linux';

/** Fails unless there is no file, for this reason, and nothing is left open. */
function assertNone(folder: string, bytes: number, reason: RegExp): void {
  const before = linux && descriptorsOf(process.pid);
  assert.throws(() => openKvFile(folder, bytes), engineError('KV_SPACE', reason));
  assert.equal(linux && descriptorsOf(process.pid), before);
}

test('a file has its whole space from the start, of zeros, and no name, in a folder that is made for it', () => {
  using folder = tempFolder();
  const deep = folder.file('a/b');
  const { fd, size, direct } = openKvFile(deep, 3 * MiB);
  try {
    assert.equal(size, 3 * MiB);
    assert.deepEqual(readdirSync(deep), []);
    const { size: bytes, blocks, nlink, mode } = fstatSync(fd);
    assert.deepEqual([bytes, nlink, mode & 0o777], [3 * MiB, 0, 0o600]);
    assert.ok(blocks * 512 >= 3 * MiB);
    if (!direct) assert.ok(readFileSync(fd).every((byte) => byte === 0));
  } finally {
    closeSync(fd);
  }
});

test('a disk without the space is KV_SPACE, and keeps nothing', (t) => {
  using disk = smallDisk(2 * MiB);
  if (!disk) return t.skip('no disk of its own can be made');
  assertNone(disk.path, 4 * MiB, /no room for 4 MiB of keys and values in .*ENOSPC.*--kv-dir/);
  assert.deepEqual(readdirSync(disk.path), []);
  closeSync(openKvFile(disk.path, MiB).fd);
});

test('a folder that is a file, or lies in one, is KV_SPACE', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('file'), '');
  assertNone(folder.file('file'), MiB, /ENOTDIR/);
  assertNone(folder.file('file/in'), MiB, /ENOTDIR/);
});

test('a folder that may not be written to is KV_SPACE', (t) => {
  using disk = smallDisk(2 * MiB) ?? tempFolder();
  if (!forbidWriting(disk)) return t.skip('writing cannot be forbidden');
  assertNone(disk.path, MiB, /EROFS|EACCES/);
});
