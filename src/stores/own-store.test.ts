import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { smallDisk } from '../../test/support/full-disk.ts';
import { type TempFolder, tempFolder } from '../../test/support/temp-folder.ts';
import { type ManifestLayer, mediaTypeOf, textLayer } from './manifest.ts';
import { OwnStore } from './own-store.ts';

const sumOf = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function* chunksOf(...chunks: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** A layer of a blob with this text. */
async function modelLayer(store: OwnStore, text: string): Promise<ManifestLayer> {
  await store.addBlob(sumOf(text), chunksOf(text));
  return { mediaType: mediaTypeOf('model'), digest: sumOf(text), size: text.length };
}

const failOnUnreadable = (path: string, error: Error): never => assert.fail(`${path}: ${error}`);
const namesIn = (store: OwnStore): readonly (string | undefined)[] =>
  store.models(failOnUnreadable).map(({ name }) => name);
const blobsIn = ({ path }: TempFolder): readonly string[] => readdirSync(`${path}/.store/blobs`);

test('a model has the layers that it was given, in either case of its name, until others take their place', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  assert.deepEqual(namesIn(store), []);
  assert.equal(store.read('mario'), undefined);
  const model = await modelLayer(store, 'weights');
  const system = textLayer('system', 'You are Mario.');
  await store.write('Mario', [model, system]);
  await store.write('me/mario:8b', [model]);
  await store.write('localhost:5000/me/mario:8b', [model]);
  assert.deepEqual(namesIn(store), ['localhost:5000/me/mario:8b', 'mario:latest', 'me/mario:8b']);
  const { text: _, ...named } = system;
  assert.deepEqual(store.read('MARIO:latest'), [model, named]);
  const [, { path = '', preset, manifest = '' } = {}] = store.models(failOnUnreadable);
  assert.equal(readFileSync(path, 'utf8'), 'weights');
  assert.equal(preset?.system, 'You are Mario.');
  assert.equal(store.nameOf(manifest), 'mario:latest');
  await store.write('mario', [model]);
  assert.deepEqual(store.read('mario'), [model]);
  assert.equal(store.hasBlob(system.digest ?? ''), false);
});

test('a blob stays as long as a model names it', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  const shared = await modelLayer(store, 'weights');
  await store.write('a', [shared, textLayer('system', 'A')]);
  await store.write('b', [shared, textLayer('system', 'B')]);
  assert.equal(await store.remove('a'), true);
  assert.equal(await store.remove('a'), false);
  assert.deepEqual(namesIn(store), ['b:latest']);
  assert.deepEqual(blobsIn(folder).length, 2);
  await store.remove('b');
  assert.deepEqual(blobsIn(folder), []);
  assert.deepEqual(readdirSync(`${store.folder}/manifests`), []);
});

test('what nobody names goes after a day, but nothing while a manifest cannot be read', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  const [young, old] = [await modelLayer(store, 'young'), await modelLayer(store, 'old')];
  const longAgo = new Date(Date.now() - 25 * 3_600_000);
  utimesSync(store.blobPath(old.digest ?? ''), longAgo, longAgo);
  const damaged = `${store.folder}/manifests/registry.ollama.ai/library/x/latest`;
  mkdirSync(dirname(damaged), { recursive: true });
  writeFileSync(damaged, '{');
  await store.write('a', [young]);
  await store.remove('a');
  assert.equal(blobsIn(folder).length, 2);
  await store.remove('x');
  await store.write('a', [young]);
  assert.equal(blobsIn(folder).length, 1);
  assert.ok(store.hasBlob(young.digest ?? ''));
});

test('bytes with another sum, or that end in a failure, leave nothing', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  const wrong = store.addBlob(sumOf('weights'), chunksOf('wei', 'ghts!'));
  await assert.rejects(wrong, engineError('WRONG_SUM', new RegExp(sumOf('weights'))));
  const cut = store.addBlob(
    sumOf('weights'),
    (async function* () {
      yield Buffer.from('wei');
      throw new Error('cut');
    })(),
  );
  await assert.rejects(cut, /cut/);
  assert.deepEqual(blobsIn(folder), []);
});

test('a full disk is told before bytes come, and while they do', async (t) => {
  using disk = smallDisk(256 * 1024);
  if (!disk) return t.skip('no disk can be made here');
  const store = new OwnStore(disk.path);
  await assert.rejects(store.addBlob(sumOf(''), chunksOf(), 2 ** 40), engineError('NO_ROOM', /1 TiB/));
  const endless = chunksOf(...Array.from({ length: 8 }, () => 'x'.repeat(64 * 1024)));
  await assert.rejects(store.addBlob(sumOf(''), endless), engineError('NO_ROOM'));
  assert.deepEqual(blobsIn(disk), []);
});

test('a file in place is named, and stays where it is', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  const file = folder.file('weights');
  writeFileSync(file, 'weights');
  const layer = { mediaType: mediaTypeOf('model'), size: 7, file };
  await store.write('a', [layer]);
  assert.equal(store.models(failOnUnreadable)[0]?.path, file);
  await store.remove('a');
  assert.ok(existsSync(file));
  const gone = { ...layer, file: folder.file('gone') };
  await assert.rejects(store.write('a', [gone]), engineError('MODEL_NOT_FOUND', /gone/));
});

test('parts of a split model lie together, and go together', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  const digests = ['one', 'two'].map(sumOf);
  const layers: ManifestLayer[] = [];
  for (const [i, digest] of digests.entries()) {
    const path = store.partPath(digests[0] ?? '', i + 1, 2);
    writeFileSync(folder.file('part'), String(i));
    await store.adopt(folder.file('part'), path);
    layers.push({ mediaType: mediaTypeOf('model'), digest, size: 1, file: store.relative(path) });
  }
  await store.write('a', layers);
  assert.match(store.models(failOnUnreadable)[0]?.path ?? '', /-00001-of-00002\.gguf$/);
  await store.remove('a');
  assert.deepEqual(blobsIn(folder), []);
});

test('names that are no names are refused, before anything is written', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  for (const name of [
    '',
    '..',
    'a/..:b',
    '../a',
    '.a',
    'a:b:c',
    'a b',
    'a/',
    '/a',
    'a:',
    'ä',
    'x/../../y/z',
    'a:x.tmp',
  ]) {
    await assert.rejects(store.write(name, []), engineError('BAD_OPTION', /expected a name such as/), name);
  }
  assert.deepEqual(readdirSync(folder.path), []);
});

test('many at once change the store one after the other', async () => {
  using folder = tempFolder();
  const store = new OwnStore(folder.path);
  const model = await modelLayer(store, 'weights');
  const numbers = Array.from({ length: 8 }, (_, i) => i);
  await Promise.all(numbers.map((i) => new OwnStore(folder.path).write(`m${i}`, [model])));
  await Promise.all(numbers.filter((i) => i > 0).map((i) => new OwnStore(folder.path).remove(`m${i}`)));
  assert.deepEqual(namesIn(store), ['m0:latest']);
  assert.equal(blobsIn(folder).length, 1);
  assert.deepEqual(readdirSync(store.folder).sort(), ['blobs', 'manifests']);
});
