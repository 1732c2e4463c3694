import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { filled, kvCache, sharedView, smallShape, textOf } from '../../test/support/caches.ts';
import { bytesIn, keepText, keptShape, namesIn, openTexts, restoredTokens } from '../../test/support/kept-texts.ts';
import { makePipe } from '../../test/support/pipes.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { ownerOf } from '../base/owner.ts';
import { type KvShape, kvForm } from './kv-shape.ts';

test('what a killed process left half-written is removed, not what one is writing', async () => {
  using folder = tempFolder();
  const { pid: ended } = spawnSync(process.execPath, ['-e', '']);
  const id = '00000000-0000-4000-8000-000000000000';
  const [left, other] = [`a.kv.${ownerOf(ended)}-${id}.tmp`, `b.kv.${ownerOf()}-${id}.tmp`];
  for (const name of [left, other]) writeFileSync(folder.file(name), 'half of it');
  await openTexts(folder);
  assert.deepEqual(namesIn(folder), [other]);
});

test('texts of all models in a folder take no more than its room together, and no other files', async () => {
  using folder = tempFolder();
  const first = await openTexts(folder);
  await keepText(first, textOf(0, 40));
  const capacity = 3.5 * bytesIn(folder);
  writeFileSync(folder.file('foreign.kv'), Buffer.alloc(10_000));
  const others = await Promise.all([1, 2, 3].map((i) => openTexts(folder, { identity: `model ${i}`, capacity })));
  for (const [i, files] of others.entries()) await keepText(files, textOf(i, 40));
  assert.equal(await restoredTokens(await openTexts(folder), textOf(0, 40)), 0, 'the oldest has made room');
  for (const [i, files] of others.entries()) assert.equal(await restoredTokens(files, textOf(i, 40)), 40);
  assert.equal(namesIn(folder).length, 4);
});

test('processes that share a folder keep to its room together, and lose nothing but what made room', async () => {
  using folder = tempFolder();
  const capacity = 20_000;
  const shared = await Promise.all([0, 1, 2, 3].map(() => openTexts(folder, { capacity, warn: () => {} })));
  await Promise.all(
    shared.flatMap((files, i) => [1, 2, 3, 4].map((j) => keepText(files, textOf(10 * i + j, 32 + 10 * j)))),
  );
  assert.ok(bytesIn(folder) <= capacity, `${bytesIn(folder)}`);
  const files = await openTexts(folder, { capacity });
  const found = await Promise.all(
    shared.flatMap((_, i) => [1, 2, 3, 4].map((j) => restoredTokens(files, textOf(10 * i + j, 32 + 10 * j)))),
  );
  assert.equal(found.filter((tokens) => tokens > 0).length, namesIn(folder).length);
});

test('processes that keep one text at once keep one copy of it', async () => {
  using folder = tempFolder();
  const shared = await Promise.all([0, 1, 2].map(() => openTexts(folder)));
  await Promise.all(shared.map((files) => keepText(files, textOf(1, 40))));
  assert.equal(namesIn(folder).length, 1);
  for (const files of [...shared, await openTexts(folder)])
    assert.equal(await restoredTokens(files, textOf(1, 40)), 40);
  await keepText(await openTexts(folder, { identity: 'another' }), textOf(1, 40));
  using short = filled({ ...keptShape, layers: 1 }, textOf(1, 40));
  await (await openTexts(folder, { form: kvForm({ ...keptShape, layers: 1 }) })).save(short);
  assert.equal(namesIn(folder).length, 3);
});

test('what is kept is for its user only', { skip: process.platform === 'win32' }, async () => {
  using folder = tempFolder();
  const cache = { path: folder.file('cache') };
  await keepText(await openTexts(cache), textOf(1, 40));
  assert.equal(statSync(cache.path).mode & 0o777, 0o700);
  for (const name of readdirSync(cache.path)) assert.equal(statSync(`${cache.path}/${name}`).mode & 0o777, 0o600);
});

test('a pipe among the files is passed by', { skip: process.platform === 'win32' }, async () => {
  using folder = tempFolder();
  makePipe(folder.file('pipe.kv'));
  const files = await openTexts(folder);
  await keepText(files, textOf(1, 40));
  assert.equal(await restoredTokens(await openTexts(folder), textOf(1, 40)), 40);
});

test('windows that have the same rows in another context are of use there', async () => {
  using folder = tempFolder();
  const windowed = (context: number): KvShape => ({
    ...smallShape(context),
    windows: [null, { tokens: 100, sinks: 2 }],
    pass: 64,
  });
  using kept = kvCache(windowed(600));
  for (const piece of kept.pieces(200)) sharedView(kept, piece).fill(piece.layer + 1);
  kept.assign(textOf(1, 200), 0);
  await (await openTexts(folder, { form: kvForm(windowed(600)) })).save(kept);
  const found =
    (await openTexts(folder, { form: kvForm(windowed(900)) })).longestMatch(textOf(1, 200)) ?? assert.fail();
  using other = kvCache(windowed(900));
  assert.equal(await found.restore(other, 200), true);
  for (const piece of other.pieces(200)) assert.ok(sharedView(other, piece).every((byte) => byte === piece.layer + 1));
  assert.equal((await openTexts(folder, { form: kvForm(windowed(120)) })).longestMatch(textOf(1, 200)), undefined);
});

test('of more tokens than memory is meant for, those of the latest texts are known', async () => {
  using folder = tempFolder();
  const long = { layers: 1, kvHeads: 1, keyLength: 1, valueLength: 1, context: 400_000, type: 'f16' } as const;
  const options = { form: kvForm(long), capacity: 2 ** 26 };
  const texts = [1, 2, 3].map((seed) => Array.from({ length: long.context }, (_, i) => (seed * i) % 1000));
  const first = await openTexts(folder, options);
  using stored = kvCache(long);
  for (const text of texts) {
    stored.assign(text, 0);
    await first.save(stored);
  }
  for (const files of [first, await openTexts(folder, options)]) {
    assert.deepEqual(
      texts.map((text) => files.longestMatch(text)?.length === text.length),
      [false, true, true],
    );
  }
  assert.equal(namesIn(folder).length, 3);
});
