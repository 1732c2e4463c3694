import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { relative } from 'node:path';
import test from 'node:test';
import { str, u32 } from '../../bench/gguf-writer.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { writeSmall } from '../../test/support/small-model.ts';
import { type TempFolder, tempFolder } from '../../test/support/temp-folder.ts';
import { Library } from './library.ts';

/** A library that remembers what it could not open. */
function libraryOf(files: readonly string[], folder?: string): { library: Library; told: string[] } {
  const told: string[] = [];
  const warn = (path: string, error: Error & { code?: string }): void => {
    told.push(`${path}: ${error.code}`);
  };
  return { library: new Library({ files, folder }, warn), told };
}

const namesIn = (library: Library): readonly string[] => library.models().map(({ name }) => name);

const within = (folder: TempFolder, ...names: string[]): void => {
  for (const name of names) writeSmall(folder.file(name));
};

test('the models of a folder and of the folders in it are found, by name', () => {
  using folder = tempFolder();
  mkdirSync(folder.file('inner/deep'), { recursive: true });
  within(folder, 'Zeta-Q4_0.gguf', 'Alpha.gguf', 'inner/Beta.F16.GGUF', 'inner/deep/gamma.gguf', '._Alpha.gguf');
  writeFileSync(folder.file('readme.txt'), 'not a model');
  const { library, told } = libraryOf([], folder.path);
  assert.deepEqual(namesIn(library), ['alpha:latest', 'beta:f16', 'gamma:latest', 'zeta:q4_0']);
  assert.deepEqual(told, []);
  assert.equal(library.find('BETA')?.path, folder.file('inner/Beta.F16.GGUF'));
  assert.equal(library.find('inner/Beta.F16.GGUF'), undefined);
  assert.equal(library.find(folder.file('Alpha.gguf')), undefined);
});

test('files are found where they lie, and only what lies in the folder may be removed', () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  within(folder, 'in.gguf');
  within(elsewhere, 'out.gguf');
  const files = [relative('.', elsewhere.file('out.gguf')), folder.file('in.gguf')];
  for (const given of [folder.path, relative('.', folder.path)]) {
    assert.deepEqual(
      libraryOf(files, given)
        .library.models()
        .map(({ path, folder }) => [path, folder !== undefined]),
      [
        [folder.file('in.gguf'), true],
        [elsewhere.file('out.gguf'), false],
      ],
    );
  }
});

test('a model has the size and the time of its files', () => {
  using folder = tempFolder();
  const path = folder.file('a.gguf');
  within(folder, 'a.gguf');
  utimesSync(path, 1e9, 1e9);
  const [model] = libraryOf([path]).library.models();
  assert.equal(model?.size, statSync(path).size);
  assert.deepEqual(model?.modified, new Date(1e12));
  assert.deepEqual(model?.files, [path]);
});

test('a split model is one, by any of its parts', () => {
  using folder = tempFolder();
  const files = writeSmall(folder.file('Big-Q8_0.gguf'), { split: 3 });
  for (const { library } of [libraryOf([], folder.path), ...files.map((file) => libraryOf([file]))]) {
    const [model, another] = library.models();
    assert.equal(another, undefined);
    assert.equal(model?.name, 'big:q8_0');
    assert.equal(model?.path, files[0]);
    assert.deepEqual(model?.files, files);
    assert.equal(
      model?.size,
      files.reduce((sum, file) => sum + statSync(file).size, 0),
    );
  }
});

test('a split model whose part is missing is left out until that comes', () => {
  using folder = tempFolder();
  const [, second = ''] = writeSmall(folder.file('big.gguf'), { split: 3 });
  renameSync(second, folder.file('aside'));
  const { library, told } = libraryOf([], folder.path);
  assert.deepEqual([namesIn(library), namesIn(library)], [[], []]);
  assert.deepEqual(told, [`${folder.file('big-00001-of-00003.gguf')}: MISSING_SHARD`]);
  renameSync(folder.file('aside'), second);
  assert.deepEqual(namesIn(library), ['big:latest']);
});

test('links to files and folders count as what they lead to', () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  within(elsewhere, 'a.gguf', 'b.gguf');
  symlinkSync(elsewhere.file('a.gguf'), folder.file('linked.gguf'));
  symlinkSync(elsewhere.path, folder.file('inner'));
  assert.deepEqual(namesIn(libraryOf([], folder.path).library), ['a:latest', 'b:latest', 'linked:latest']);
});

test('what comes, changes and goes is seen at the next look', () => {
  using folder = tempFolder();
  const { library } = libraryOf([], folder.path);
  assert.deepEqual(namesIn(library), []);
  within(folder, 'a.gguf');
  const before = library.find('a');
  assert.equal(before?.license, '');
  writeSmall(folder.file('a.gguf'), { metadata: { 'general.license': str('mit') } });
  const after = library.find('a');
  assert.equal(after?.license, 'mit');
  assert.notEqual(after?.digest, before?.digest);
  rmSync(folder.file('a.gguf'));
  assert.equal(library.find('a'), undefined);
});

test('folders are not looked into for each request: a name that was found holds for a second', ({ mock }) => {
  using folder = tempFolder();
  within(folder, 'a-Q4_0.gguf');
  let time = 0;
  mock.method(performance, 'now', () => time);
  const { library } = libraryOf([], folder.path);
  assert.equal(library.find('a')?.name, 'a:q4_0');
  within(folder, 'a-Q8_0.gguf');
  assert.equal(library.find('a')?.name, 'a:q4_0');
  time = 1000;
  assert.throws(() => library.find('a'), engineError('MODEL_AMBIGUOUS'));
  within(folder, 'new.gguf');
  assert.equal(library.find('new')?.name, 'new:latest', 'a name that is not known is looked for at once');
});

test('the header of a file that has not changed is not read again', () => {
  using folder = tempFolder();
  within(folder, 'a.gguf');
  const path = folder.file('a.gguf');
  utimesSync(path, 1e9, 1e9);
  const { library } = libraryOf([path]);
  const { size } = library.find('a') ?? assert.fail();
  writeFileSync(path, 'x'.repeat(size));
  utimesSync(path, 1e9, 1e9);
  assert.equal(library.find('a')?.family, 'llama');
  utimesSync(path, 2e9, 2e9);
  assert.equal(library.find('a'), undefined);
});

test('what cannot be opened is left out, and told once for each reason', () => {
  using folder = tempFolder();
  within(folder, 'good.gguf');
  writeFileSync(folder.file('bad.gguf'), 'GGUF');
  writeFileSync(folder.file('text.gguf'), 'hello');
  writeFileSync(folder.file('x-00005-of-00002.gguf'), '');
  mkdirSync(folder.file('folder.gguf'));
  symlinkSync(folder.file('nowhere'), folder.file('broken.gguf'));
  writeSmall(folder.file('strange.gguf'), { metadata: { 'general.architecture': str('strange') } });
  const { library, told } = libraryOf([folder.file('gone.gguf')], folder.path);
  for (let i = 0; i < 3; i += 1) {
    assert.deepEqual(namesIn(library), ['good:latest']);
    appendFileSync(folder.file('bad.gguf'), '.');
  }
  assert.deepEqual(
    told.map((line) => line.slice(folder.path.length + 1)),
    [
      'gone.gguf: MODEL_NOT_FOUND',
      'bad.gguf: GGUF_TRUNCATED',
      'broken.gguf: MODEL_NOT_FOUND',
      'folder.gguf: UNREADABLE',
      'strange.gguf: UNKNOWN_ARCHITECTURE',
      'text.gguf: NOT_GGUF',
      'x-00005-of-00002.gguf: SHARD_MISMATCH',
    ],
  );
  writeFileSync(folder.file('bad.gguf'), 'hello, all');
  library.models();
  assert.deepEqual(told.slice(7), [`${folder.file('bad.gguf')}: NOT_GGUF`]);
});

test('a folder that is not there has no models, which is told once each time it goes', () => {
  using folder = tempFolder();
  const path = folder.file('models');
  const { library, told } = libraryOf([], path);
  const looks = (): readonly string[] => [...namesIn(library), ...namesIn(library)];
  assert.deepEqual(looks(), []);
  mkdirSync(path);
  writeSmall(folder.file('models/a.gguf'));
  assert.deepEqual(looks(), ['a:latest', 'a:latest']);
  rmSync(path, { recursive: true });
  assert.deepEqual(looks(), []);
  assert.deepEqual(told, [`${path}: ENOENT`, `${path}: ENOENT`]);
});

test('of two models with one name the named one has it', () => {
  using folder = tempFolder();
  mkdirSync(folder.file('x'));
  mkdirSync(folder.file('y'));
  writeSmall(folder.file('x/Tiny-F16.gguf'), { metadata: { 'llama.context_length': u32(1) } });
  writeSmall(folder.file('y/Tiny-F16.gguf'), { metadata: { 'llama.context_length': u32(2) } });
  const { library } = libraryOf([folder.file('y/Tiny-F16.gguf')], folder.path);
  assert.deepEqual(
    library.models().map(({ name, trainedContext }) => [name, trainedContext]),
    [
      ['tiny-f16:latest', 1],
      ['tiny:f16', 2],
    ],
  );
  assert.equal(library.find('Tiny')?.trainedContext, 2);
});
