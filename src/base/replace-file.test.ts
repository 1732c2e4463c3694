import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { elsewhereOf } from '../../test/support/owners.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { ownerOf } from './owner.ts';
import { removeUnfinished, replaceFile, replaceTextFile } from './replace-file.ts';

const posix = process.platform !== 'win32';
const rights = (path: string): number => statSync(path).mode & 0o777;

/** The number of a process that has ended. */
const endedPid = (): number => spawnSync(process.execPath, ['-e', '']).pid;

test("a file is replaced as a whole, is its user's only, and stays where a link leads", async () => {
  using folder = tempFolder();
  mkdirSync(folder.file('real'));
  writeFileSync(folder.file('real/kept'), 'old', { mode: 0o644 });
  if (posix) symlinkSync(folder.file('real/kept'), folder.file('link'));
  const path = folder.file(posix ? 'link' : 'real/kept');
  await replaceFile(path, async (file) => {
    await file.write('new');
    assert.equal(readFileSync(path, 'utf8'), 'old');
  });
  assert.equal(readFileSync(folder.file('real/kept'), 'utf8'), 'new');
  replaceTextFile(path, 'newer');
  assert.equal(readFileSync(folder.file('real/kept'), 'utf8'), 'newer');
  if (posix) assert.equal(rights(folder.file('real/kept')), 0o600);
  assert.deepEqual(readdirSync(folder.file('real')), ['kept']);
});

test('what cannot be written to its end leaves the old file, and nothing beside it', async () => {
  using folder = tempFolder();
  writeFileSync(folder.file('kept'), 'old');
  await assert.rejects(
    replaceFile(folder.file('kept'), async (file) => {
      await file.write('half of');
      throw new Error('no more');
    }),
    /no more/,
  );
  assert.throws(() => replaceTextFile(folder.file('none/kept'), 'new'), /ENOENT/);
  assert.deepEqual(readdirSync(folder.path), ['kept']);
  assert.equal(readFileSync(folder.file('kept'), 'utf8'), 'old');
});

test('what a killed process left half-written is removed, not what is being written, nor what is of others', async () => {
  using folder = tempFolder();
  const id = '00000000-0000-4000-8000-000000000000';
  const left = `kept.${ownerOf(endedPid())}-${id}.tmp`;
  const others = [
    `kept.${ownerOf()}-${id}.tmp`,
    `kept.1234567-${elsewhereOf(ownerOf())}-${id}.tmp`,
    'kept.tmp',
    `kept.12-${id}.tmp`,
  ];
  for (const name of [left, ...others]) writeFileSync(folder.file(name), 'half of');
  assert.deepEqual(removeUnfinished(folder.path, 'another'), []);
  assert.equal(readdirSync(folder.path).length, 5);
  assert.deepEqual(removeUnfinished(folder.path, 'kept'), [folder.file(left)]);
  assert.deepEqual(readdirSync(folder.path), others.toSorted());
  const yesterday = Date.now() / 1000 - 86_400;
  for (const name of others) utimesSync(folder.file(name), yesterday, yesterday);
  removeUnfinished(folder.path);
  assert.deepEqual(readdirSync(folder.path), [`kept.12-${id}.tmp`, 'kept.tmp']);
  removeUnfinished(folder.file('nowhere'));
});
