import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'node:test';
import { writeSmall } from '../../test/support/small-model.ts';
import { asHuggingFace, asOllama, snapshotOf } from '../../test/support/stores.ts';
import { type TempFolder, tempFolder } from '../../test/support/temp-folder.ts';
import type { FoundModel } from './found-model.ts';
import { modelsOf, type Store } from './store.ts';

const links = { skip: process.platform === 'win32' };

/** The models of a store, which stays as it is, and what could not be read. */
function look(owner: Store['owner'], folder: TempFolder): { models: readonly FoundModel[]; told: readonly string[] } {
  const told: string[] = [];
  const before = snapshotOf(folder.path);
  const models = modelsOf({ owner, folder: folder.path }, (path, { message }) => told.push(`${path}: ${message}`));
  assert.deepEqual(snapshotOf(folder.path), before);
  return { models, told };
}

function small(folder: TempFolder): Uint8Array {
  const path = folder.file('small');
  writeSmall(path);
  const bytes = readFileSync(path);
  rmSync(path);
  return bytes;
}

const within = (folder: TempFolder, ...paths: readonly string[]): void => {
  for (const path of paths) {
    mkdirSync(dirname(folder.file(path)), { recursive: true });
    writeSmall(folder.file(path));
  }
};

test("Ollama's models have the names that it calls them by, and what comes with them", () => {
  using folder = tempFolder();
  const model = small(folder);
  asOllama(folder.path, ['registry.ollama.ai', 'library', 'pocket', '135m'], {
    model,
    system: 'Be short.',
    params: '{"temperature":0.5,"stop":["END"]}',
    messages: '[{"role":"user","content":"Hi"}]',
  });
  asOllama(folder.path, ['registry.ollama.ai', 'someone', 'pocket', 'latest'], { model });
  asOllama(folder.path, ['hf.co', 'org', 'Name-GGUF', 'Q4_K_M'], { model });
  const { models, told } = look('Ollama', folder);
  assert.deepEqual(told, []);
  assert.deepEqual(
    models.map(({ name }) => name),
    ['hf.co/org/Name-GGUF:Q4_K_M', 'pocket:135m', 'someone/pocket:latest'],
  );
  const { preset } = models[1] ?? assert.fail();
  assert.equal(preset?.system, 'Be short.');
  assert.deepEqual(preset?.parameters, { temperature: 0.5, stop: ['END'] });
  assert.deepEqual(preset?.messages, [{ role: 'user', content: 'Hi' }]);
});

test("of Ollama's manifests those without a GGUF file are no models; others that cannot be had are told", () => {
  using folder = tempFolder();
  const model = small(folder);
  const usual = ['registry.ollama.ai', 'library'] as const;
  asOllama(folder.path, [...usual, 'cloud', 'latest'], { license: 'MIT' });
  asOllama(folder.path, [...usual, 'tuned', 'latest'], { model, adapter: 'x' });
  asOllama(folder.path, [...usual, 'broken', 'latest'], { model, params: '{' });
  asOllama(folder.path, [...usual, 'good', 'latest'], { model });
  writeFileSync(folder.file('manifests/registry.ollama.ai/library/good/evil'), '{"layers":[{"digest":"../../x"}]}');
  const { models, told } = look('Ollama', folder);
  assert.deepEqual(
    models.map(({ name }) => name),
    ['good:latest', 'tuned:latest'],
  );
  assert.deepEqual(
    models[1]?.preset?.adapters?.map(({ scale }) => scale),
    [1],
  );
  assert.equal(told.length, 2);
  assert.match(told.join('\n'), /broken[\s\S]*evil/);
});

test("Ollama's folder may hold files instead", () => {
  using folder = tempFolder();
  within(folder, 'a/b.gguf');
  assert.deepEqual(
    look('Ollama', folder).models.map(({ stem }) => stem),
    ['b'],
  );
});

test("Hugging Face's cache is read through its links, the same file once, a split one as one", links, () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  const [first = '', second = ''] = writeSmall(elsewhere.file('big-Q8_0.gguf'), { split: 2 });
  for (const from of [first, second]) {
    asHuggingFace(folder.path, 'org/big-GGUF', { file: from.slice(elsewhere.path.length + 1), from });
  }
  writeSmall(elsewhere.file('one.gguf'));
  for (const snapshot of ['old', 'new']) {
    mkdirSync(folder.file(`models--gpt--one/snapshots/${snapshot}`), { recursive: true });
    symlinkSync(elsewhere.file('one.gguf'), folder.file(`models--gpt--one/snapshots/${snapshot}/one.gguf`));
  }
  mkdirSync(folder.file('datasets--org--texts/snapshots/x'), { recursive: true });
  const { models } = look('Hugging Face', folder);
  assert.deepEqual(
    models.map(({ stem, repository, name }) => [stem, repository, name]),
    [
      ['one', 'gpt/one', 'hf.co/gpt/one:one'],
      ['big-Q8_0', 'org/big-GGUF', 'hf.co/org/big-GGUF:Q8_0'],
    ],
  );
});

test("LM Studio's, Jan's and llama.cpp's files are found with their repositories, without what models see with", () => {
  using folder = tempFolder();
  within(
    folder,
    'org/name-GGUF/Name-Q4_0.gguf',
    'org/name-GGUF/mmproj-Name.gguf',
    'org/plain/model.gguf',
    'deep/a/b/c.gguf',
  );
  const found = (owner: Store['owner']): unknown =>
    look(owner, folder).models.map(({ stem, repository }) => [stem, repository]);
  const expected = [
    ['c', undefined],
    ['Name-Q4_0', 'org/name-GGUF'],
    ['plain', 'org/plain'],
  ];
  assert.deepEqual(found('LM Studio'), expected);
  assert.deepEqual(found('Jan'), expected);
  using cache = tempFolder();
  within(cache, 'org_name-GGUF_Name-Q4_0.gguf', 'org_name-GGUF_mmproj-f16.gguf', 'plain.gguf');
  assert.deepEqual(
    look('llama.cpp', cache).models.map(({ stem, repository }) => [stem, repository]),
    [
      ['Name-Q4_0', 'org/name-GGUF'],
      ['plain', undefined],
    ],
  );
});

test('folders that lead to each other are looked into once, and a store that is not there holds nothing', links, () => {
  using folder = tempFolder();
  within(folder, 'a/b.gguf');
  symlinkSync(folder.path, folder.file('a/again'));
  assert.equal(look('LM Studio', folder).models.length, 1);
  const none = modelsOf({ owner: 'Ollama', folder: folder.file('gone') }, () => assert.fail());
  assert.deepEqual(none, []);
});
