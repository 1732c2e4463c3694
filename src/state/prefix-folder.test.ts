import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { filled, smallShape, textOf } from '../../test/support/caches.ts';
import { type TempFolder, tempFolder } from '../../test/support/temp-folder.ts';
import { ownerOf } from '../base/owner.ts';
import type { KvShape } from './kv-shape.ts';
import { PrefixFiles, type PrefixFilesOptions } from './prefix-files.ts';
import { SequenceCache } from './sequence-cache.ts';

const shape = smallShape(128);

const open = (folder: { path: string }, options: Partial<PrefixFilesOptions> = {}): Promise<PrefixFiles> =>
  PrefixFiles.open(folder.path, { identity: 'a model', shape, capacity: 2 ** 20, warn: assert.fail, ...options });

async function keep(files: PrefixFiles, tokens: readonly number[]): Promise<void> {
  using stored = filled(shape, tokens);
  await files.save(stored);
}

/** The number of tokens of a text that come back. */
async function restored(files: PrefixFiles, tokens: readonly number[]): Promise<number> {
  using stored = new SequenceCache(shape);
  const found = files.longestMatch(tokens);
  return found && (await found.restore(stored, found.length)) ? found.length : 0;
}

const names = ({ path }: TempFolder): readonly string[] => readdirSync(path);
const bytesOf = (folder: TempFolder): number =>
  names(folder).reduce((sum, name) => sum + statSync(folder.file(name)).size, 0);

test('what a killed process left half-written is removed, not what one is writing', async () => {
  using folder = tempFolder();
  const { pid: ended } = spawnSync(process.execPath, ['-e', '']);
  const id = '00000000-0000-4000-8000-000000000000';
  const [left, other] = [`a.kv.${ownerOf(ended)}-${id}.tmp`, `b.kv.${ownerOf()}-${id}.tmp`];
  for (const name of [left, other]) writeFileSync(folder.file(name), 'half of it');
  await open(folder);
  assert.deepEqual(names(folder), [other]);
});

test('texts of all models in a folder take no more than its room together, and no other files', async () => {
  using folder = tempFolder();
  const first = await open(folder);
  await keep(first, textOf(0, 40));
  const capacity = 3.5 * bytesOf(folder);
  writeFileSync(folder.file('foreign.kv'), Buffer.alloc(10_000));
  const others = await Promise.all([1, 2, 3].map((i) => open(folder, { identity: `model ${i}`, capacity })));
  for (const [i, files] of others.entries()) await keep(files, textOf(i, 40));
  assert.equal(await restored(await open(folder), textOf(0, 40)), 0, 'the oldest has made room');
  for (const [i, files] of others.entries()) assert.equal(await restored(files, textOf(i, 40)), 40);
  assert.equal(names(folder).length, 4);
});

test('processes that share a folder keep to its room together, and lose nothing but what made room', async () => {
  using folder = tempFolder();
  const capacity = 20_000;
  const shared = await Promise.all([0, 1, 2, 3].map(() => open(folder, { capacity, warn: () => {} })));
  await Promise.all(
    shared.flatMap((files, i) => [1, 2, 3, 4].map((j) => keep(files, textOf(10 * i + j, 32 + 10 * j)))),
  );
  assert.ok(bytesOf(folder) <= capacity, `${bytesOf(folder)}`);
  const files = await open(folder, { capacity });
  const found = await Promise.all(
    shared.flatMap((_, i) => [1, 2, 3, 4].map((j) => restored(files, textOf(10 * i + j, 32 + 10 * j)))),
  );
  assert.equal(found.filter((tokens) => tokens > 0).length, names(folder).length);
});

test('processes that keep one text at once keep one copy of it', async () => {
  using folder = tempFolder();
  const shared = await Promise.all([0, 1, 2].map(() => open(folder)));
  await Promise.all(shared.map((files) => keep(files, textOf(1, 40))));
  assert.equal(names(folder).length, 1);
  for (const files of [...shared, await open(folder)]) assert.equal(await restored(files, textOf(1, 40)), 40);
  await keep(await open(folder, { identity: 'another' }), textOf(1, 40));
  using short = filled({ ...shape, layers: 1 }, textOf(1, 40));
  await (await open(folder, { shape: { ...shape, layers: 1 } })).save(short);
  assert.equal(names(folder).length, 3);
});

test('what is kept is for its user only', { skip: process.platform === 'win32' }, async () => {
  using folder = tempFolder();
  const cache = { path: folder.file('cache') };
  await keep(await open(cache), textOf(1, 40));
  assert.equal(statSync(cache.path).mode & 0o777, 0o700);
  for (const name of readdirSync(cache.path)) assert.equal(statSync(`${cache.path}/${name}`).mode & 0o777, 0o600);
});

test('a pipe among the files is passed by', { skip: process.platform === 'win32' }, async () => {
  using folder = tempFolder();
  spawnSync('mkfifo', [folder.file('pipe.kv')]);
  const files = await open(folder);
  await keep(files, textOf(1, 40));
  assert.equal(await restored(await open(folder), textOf(1, 40)), 40);
});

test('windows that have the same rows in another context are of use there', async () => {
  using folder = tempFolder();
  const windowed = (context: number): KvShape => ({
    ...smallShape(context),
    windows: [null, { tokens: 100, sinks: 2 }],
    pass: 64,
  });
  using kept = new SequenceCache(windowed(600));
  for (const piece of kept.pieces(200)) kept.view(piece).fill(piece.layer + 1);
  kept.assign(textOf(1, 200), 0);
  await (await open(folder, { shape: windowed(600) })).save(kept);
  const found = (await open(folder, { shape: windowed(900) })).longestMatch(textOf(1, 200)) ?? assert.fail();
  using other = new SequenceCache(windowed(900));
  assert.equal(await found.restore(other, 200), true);
  for (const piece of other.pieces(200)) assert.ok(other.view(piece).every((byte) => byte === piece.layer + 1));
  assert.equal((await open(folder, { shape: windowed(120) })).longestMatch(textOf(1, 200)), undefined);
});

test('of more tokens than memory is meant for, those of the latest texts are known', async () => {
  using folder = tempFolder();
  const long = { layers: 1, kvHeads: 1, keyLength: 1, valueLength: 1, context: 400_000, type: 'f16' } as const;
  const options = { shape: long, capacity: 2 ** 26 };
  const texts = [1, 2, 3].map((seed) => Array.from({ length: long.context }, (_, i) => (seed * i) % 1000));
  const first = await open(folder, options);
  using stored = new SequenceCache(long);
  for (const text of texts) {
    stored.assign(text, 0);
    await first.save(stored);
  }
  for (const files of [first, await open(folder, options)]) {
    assert.deepEqual(
      texts.map((text) => files.longestMatch(text)?.length === text.length),
      [false, true, true],
    );
  }
  assert.equal(names(folder).length, 3);
});
