import assert from 'node:assert/strict';
import { statfsSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { storageOf } from './storage.ts';

test('all that lies on one storage has its key', () => {
  using folder = tempFolder();
  writeFileSync(folder.file('file'), '');
  const storage = storageOf(folder.path);
  assert.ok(storage && storage.key.length > 0);
  assert.deepEqual(storageOf(folder.file('file')), storage);
  assert.equal(storageOf(folder.file('missing')), undefined);
  assert.equal(storageOf(folder.file('file/below')), undefined);
});

const linux = { skip: process.platform !== 'linux' };

test('storages differ, and one without a drive has the name of what is mounted', linux, () => {
  const proc = storageOf('/proc');
  assert.equal(proc?.name, 'proc');
  assert.notEqual(proc?.key, storageOf('/')?.key);
});

test('a drive has its model, or the name that the system has for it', linux, (t) => {
  // Devices with the major number 0 are no drives.
  const major = (statSync('/').dev >> 8) & 0xfff;
  if (major === 0 || statfsSync('/').type === 0x01021994) return t.skip('there is no drive here');
  const name = storageOf('/')?.name ?? '';
  assert.match(name, /^[\x20-\x7e]+$/);
  assert.equal(storageOf('/')?.key, `${statSync('/').dev} ${name}`);
});
