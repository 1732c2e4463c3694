import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { writeSmall } from '../../test/support/small-model.ts';
import { asOllama, snapshotOf } from '../../test/support/stores.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { type ManifestLayer, mediaTypeOf, textLayer } from '../stores/manifest.ts';
import { OwnStore } from '../stores/own-store.ts';
import { Library, type LibraryModel } from './library.ts';
import { layerOfAdapter, layersOf, layersOfFile, layersOfFiles, makeModel } from './make-model.ts';
import { parseModelfile } from './modelfile.ts';
import { removeModel } from './removal.ts';
import { showModel } from './show-model.ts';

const fail = (path: string, error: Error): never => assert.fail(`${path}: ${error}`);

function find(library: Library, name: string): LibraryModel {
  return library.find(name) ?? assert.fail(name);
}

/** Sends a file's bytes to the store, and gives the layer that they are. */
async function sentTo(store: OwnStore, kind: Parameters<typeof mediaTypeOf>[0], file: string): Promise<ManifestLayer> {
  const bytes = readFileSync(file);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  await store.addBlob(
    digest,
    (async function* () {
      yield bytes;
    })(),
  );
  return { mediaType: mediaTypeOf(kind), digest, size: bytes.length };
}

test('a model that is made of a file in place, or of another, adds to it and shares its bytes', async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  const [file = ''] = writeSmall(elsewhere.file('big.gguf'));
  const library = new Library({ files: [], folder: folder.path }, fail);
  const store = library.ownStore ?? assert.fail();
  await makeModel(store, 'mario', {
    base: layersOfFile(store, file),
    system: 'You are Mario.',
    parameters: { temperature: 0.5, stop: ['!'] },
    licenses: ['MIT'],
  });
  const mario = find(library, 'mario');
  assert.equal(mario.path, file);
  await makeModel(store, 'luigi', {
    base: layersOf(store, mario),
    system: '',
    parameters: { temperature: 1 },
    messages: [{ role: 'user', content: 'Hi' }],
    licenses: ['Apache'],
  });
  const { preset, path, digest } = find(library, 'LUIGI:latest');
  assert.equal(path, file);
  assert.equal(preset?.system, undefined);
  assert.deepEqual(preset?.parameters, { temperature: 1, stop: ['!'] });
  assert.deepEqual(preset?.messages, [{ role: 'user', content: 'Hi' }]);
  assert.equal(preset?.license, 'MIT\n\nApache');
  assert.notEqual(digest, mario.digest);
  for (const name of ['mario', 'luigi']) {
    await removeModel(find(library, name));
    assert.equal(library.find(name), undefined, 'not even a moment later');
  }
  assert.deepEqual(library.models(), []);
  assert.ok(statSync(file).isFile());
});

test("a copy of another program's model has what comes with it, and nothing of that program's changes", async () => {
  using folder = tempFolder();
  using theirs = tempFolder();
  writeSmall(folder.file('small.gguf'));
  const model = readFileSync(folder.file('small.gguf'));
  asOllama(theirs.path, ['registry.ollama.ai', 'library', 'pocket', '135m'], {
    model,
    system: 'Be short.',
    template: '{{ .Prompt }}',
    params: '{"temperature":0.5}',
  });
  const before = snapshotOf(theirs.path);
  const library = new Library(
    { files: [], folder: folder.path, stores: [{ owner: 'Ollama', folder: theirs.path }] },
    fail,
  );
  const store = library.ownStore ?? assert.fail();
  const pocket = find(library, 'pocket:135m');
  await makeModel(store, 'mine', { base: layersOf(store, pocket) });
  const { preset, path } = find(library, 'mine');
  assert.deepEqual([path, preset?.system, preset?.template], [pocket.path, 'Be short.', '{{ .Prompt }}']);
  await makeModel(store, 'yours', { base: layersOf(store, pocket), system: 'Be long.' });
  for (const name of ['mine', 'yours']) await removeModel(find(library, name));
  assert.deepEqual(readdirSync(join(store.folder, 'blobs')), [], 'texts that nobody has any more are gone');
  await assert.rejects(removeModel(pocket), engineError('MODEL_NOT_OURS', /Ollama.*"ollama rm" removes it/));
  assert.deepEqual(snapshotOf(theirs.path), before);
});

test('a split model is one, whether its parts lie somewhere or were sent', async () => {
  using folder = tempFolder();
  const files = writeSmall(folder.file('big.gguf'), { split: 2 });
  const store = new OwnStore(folder.file('models'));
  await makeModel(store, 'named', { base: layersOfFile(store, files[1] ?? '') });
  const sent: { file: string; layer: ManifestLayer }[] = [];
  for (const file of files) {
    sent.push({ file: file.slice(folder.path.length + 1), layer: await sentTo(store, 'model', file) });
  }
  assert.throws(
    () => layersOfFiles(store, [...sent.slice(1), ...sent.slice(0, 1).map(({ layer }) => ({ layer, file: 'x.gguf' }))]),
    engineError('BAD_OPTION', /all parts/),
  );
  await makeModel(store, 'sent', { base: layersOfFiles(store, sent.reverse()) });
  renameSync(folder.file('models'), folder.file('moved'));
  const library = new Library({ files: [], folder: folder.file('moved') }, fail);
  assert.deepEqual(
    library.models().map(({ name, files }) => [name, files.length]),
    [
      ['named:latest', 2],
      ['sent:latest', 2],
    ],
  );
});

test("the parts of a split model become one here, though Ollama's store has them and there is nothing yet", async () => {
  using folder = tempFolder();
  using theirs = tempFolder();
  const store = new OwnStore(folder.file('models'), [theirs.path]);
  mkdirSync(theirs.file('blobs'));
  const parts = writeSmall(folder.file('big.gguf'), { split: 2 }).map((file) => {
    const bytes = readFileSync(file);
    const sum = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(theirs.file(`blobs/sha256-${sum}`), bytes);
    return { file, layer: store.blobLayer('model', `sha256:${sum}`) ?? assert.fail() };
  });
  await makeModel(store, 'split', { base: layersOfFiles(store, parts) });
  const [split] = new Library({ files: [], folder: folder.file('models') }, fail).models();
  assert.equal(split?.files.length, 2);
});

test('a file that is no model makes none', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  writeFileSync(folder.file('text.gguf'), 'no model');
  assert.throws(() => layersOfFile(store, folder.file('text.gguf')), engineError('NOT_GGUF'));
  assert.throws(() => layersOfFile(store, folder.file('gone.gguf')), engineError('MODEL_NOT_FOUND'));
  await assert.rejects(makeModel(store, 'a', { base: [textLayer('system', 'x')] }), engineError('BAD_OPTION'));
  assert.deepEqual(store.models(fail), []);
});

test('a model that is made by the Modelfile of another is the same one, and needs the other no more', async () => {
  using folder = tempFolder();
  using elsewhere = tempFolder();
  const library = new Library({ files: [], folder: folder.path }, fail);
  const store = library.ownStore ?? assert.fail();
  const parts = writeSmall(elsewhere.file('big.gguf'), { split: 2 });
  const adapter = elsewhere.file('adapter.bin');
  writeFileSync(adapter, 'looked at when it is used');
  const layers: { file: string; layer: ManifestLayer }[] = [];
  for (const file of parts) layers.push({ file, layer: await sentTo(store, 'model', file) });
  await makeModel(store, 'first', {
    base: layersOfFiles(store, layers),
    adapters: [await sentTo(store, 'adapter', adapter), layerOfAdapter(store, adapter)],
    template: 'a "template"\n{{ .Prompt }}\n',
    system: ' "Be short." ',
    parameters: { temperature: 0.5, stop: ['\n\n', '"a"'], num_ctx: 512 },
    messages: [{ role: 'user', content: 'Hi\nthere' }],
    licenses: ['MIT'],
  });
  const first = find(library, 'first');
  const { from, adapters, unused, ...others } = parseModelfile(showModel(first, first.path).modelfile);
  assert.deepEqual(unused, []);
  await makeModel(store, 'second', {
    ...others,
    base: layersOfFile(store, from),
    adapters: adapters.map((file) => layerOfAdapter(store, file)),
  });
  const inOrder = (name: string): readonly string[] =>
    (store.read(name) ?? []).map((layer) => JSON.stringify(layer)).sort();
  assert.deepEqual(inOrder('second'), inOrder('first'));
  await removeModel(first);
  assert.deepEqual(find(library, 'second').preset?.system, ' "Be short." ');
});
