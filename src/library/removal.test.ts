import assert from 'node:assert/strict';
import { existsSync, mkdirSync, renameSync, symlinkSync } from 'node:fs';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { writeSmall } from '../../test/support/small-model.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { Library } from './library.ts';
import { removeModel } from './removal.ts';

const links = { skip: process.platform === 'win32' };

/** Deletes the one model that a folder holds, by what the library knows of it. */
async function removeOnly(folder: string): Promise<void> {
  const [model, ...others] = new Library({ files: [], folder }, (_, error) => assert.fail(error)).models();
  assert.ok(model && others.length === 0);
  await removeModel(model);
}

const refused = engineError('MODEL_NOT_OURS');

test('a model of the folder, and of a folder in it, is deleted with all its parts', async () => {
  using folder = tempFolder();
  writeSmall(folder.file('a.gguf'));
  await removeOnly(folder.path);
  mkdirSync(folder.file('inner'));
  const files = writeSmall(folder.file('inner/b.gguf'), { split: 2 });
  assert.equal(files.length, 2);
  await removeOnly(folder.path);
  assert.ok([folder.file('a.gguf'), ...files].every((file) => !existsSync(file)));
});

test('what links lead to stays, and so do the links', links, async () => {
  using elsewhere = tempFolder();
  const kept = elsewhere.file('kept.gguf');
  writeSmall(kept);
  for (const link of [
    (path: string) => symlinkSync(kept, `${path}/kept.gguf`),
    (path: string) => symlinkSync(elsewhere.path, `${path}/linked`),
  ]) {
    using folder = tempFolder();
    link(folder.path);
    await assert.rejects(removeOnly(folder.path), refused);
    assert.ok(existsSync(kept));
    assert.equal(new Library({ files: [], folder: folder.path }, () => {}).models().length, 1);
  }
});

test('a model with one part elsewhere keeps all of them', links, async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  const [first = '', second = ''] = writeSmall(folder.file('b.gguf'), { split: 2 });
  renameSync(second, elsewhere.file('part'));
  symlinkSync(elsewhere.file('part'), second);
  await assert.rejects(removeOnly(folder.path), refused);
  assert.ok(existsSync(first) && existsSync(second));
});

test('a models folder that is a link itself is one', links, async () => {
  using folder = tempFolder();
  mkdirSync(folder.file('real'));
  symlinkSync(folder.file('real'), folder.file('models'));
  writeSmall(folder.file('real/a.gguf'));
  await removeOnly(folder.file('models'));
  assert.equal(existsSync(folder.file('real/a.gguf')), false);
});

test('a model that was named stays', async () => {
  using folder = tempFolder();
  const file = folder.file('a.gguf');
  writeSmall(file);
  const [model] = new Library({ files: [file], folder: undefined }, () => {}).models();
  assert.ok(model);
  await assert.rejects(removeModel(model), refused);
  assert.ok(existsSync(file));
});

test('a file that has gone meanwhile, or is a folder now, is a failure that names it', async () => {
  using folder = tempFolder();
  for (const file of [folder.file('gone.gguf'), folder.file('folder.gguf')]) {
    const remove = removeModel({ name: 'a', folder: folder.path, files: [file] });
    await assert.rejects(remove, engineError('UNWRITABLE'));
    mkdirSync(folder.file('folder.gguf'), { recursive: true });
  }
});
