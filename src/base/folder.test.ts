import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { makeFolder } from './folder.ts';

const posix = process.platform !== 'win32';
const rights = (path: string): number => statSync(path).mode & 0o777;

test('a folder is made with those above it, for its user only', () => {
  using folder = tempFolder();
  makeFolder(folder.file('a/b/c'));
  makeFolder(folder.file('a/b/c'));
  if (posix)
    assert.deepEqual(
      ['a', 'a/b/c'].map((name) => rights(folder.file(name))),
      [0o700, 0o700],
    );
  writeFileSync(folder.file('file'), '');
  assert.throws(() => makeFolder(folder.file('file')), /not a folder/);
  assert.throws(() => makeFolder(folder.file('file/below')), /ENOTDIR/);
});

test('where a folder cannot be made, that is said, and nothing hangs', { skip: process.platform !== 'linux' }, () => {
  assert.throws(() => makeFolder('/proc/none/below'), /ENOENT|EACCES|EPERM/);
});
