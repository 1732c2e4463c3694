import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import {
  anyText,
  assertHolds,
  fill,
  filled,
  inOnePiece,
  kvCache,
  quantizedShape,
  textOf,
} from '../../test/support/caches.ts';
import { deferred } from '../../test/support/deferred.ts';
import { forbidWriting, smallDisk } from '../../test/support/full-disk.ts';
import { bytesIn, keepText, keptShape, namesIn, openTexts, restoredTokens } from '../../test/support/kept-texts.ts';
import { type TempFolder, tempFolder } from '../../test/support/temp-folder.ts';
import { kvForm } from './kv-shape.ts';

/** The only file in a folder. */
function onlyFile(folder: TempFolder): string {
  const [name, ...others] = namesIn(folder);
  assert.deepEqual(others, []);
  return folder.file(name ?? assert.fail('there is no file'));
}

test('what was kept is found by those that open the folder later, as a whole or in part', async () => {
  using folder = tempFolder();
  const text = textOf(1, 100);
  await keepText(await openTexts(folder), text, 64);
  const files = await openTexts(folder);
  for (const length of [100, 70, 33, 1])
    assert.equal(await restoredTokens(files, [...text.slice(0, length), 5]), length);
  assert.equal(await restoredTokens(files, textOf(2, 100)), 0);
  const found = files.longestMatch(text) ?? assert.fail();
  assert.equal(found.length, 100);
  using cache = kvCache(keptShape);
  for (const [length, exact] of [
    [100, 64],
    [40, 40],
  ] as const) {
    assert.equal(await found.restore(cache, length), true);
    assertHolds(cache, text.slice(0, length));
    assert.equal(cache.exact, exact);
  }
});

test('a folder is made if it is not there, and holds a file for each text and nothing else', async () => {
  using folder = tempFolder();
  const files = await openTexts({ path: folder.file('a/b') });
  assert.deepEqual(readdirSync(folder.file('a/b')), []);
  for (const seed of [1, 2]) await keepText(files, textOf(seed, 40));
  await keepText(files, textOf(3, 31));
  const left = readdirSync(folder.file('a/b'));
  assert.ok(left.length === 2 && left.every((name) => name.endsWith('.kv')), `${left}`);
});

test('a text takes the place of those that it goes on from; kept twice, also at once, it is there once', async () => {
  using folder = tempFolder();
  const files = await openTexts(folder);
  await keepText(files, textOf(1, 40));
  await Promise.all([1, 2, 3].map(() => keepText(files, textOf(1, 60))));
  await keepText(files, textOf(1, 60));
  await keepText(files, textOf(1, 50));
  onlyFile(folder);
  assert.equal(await restoredTokens(files, textOf(1, 128)), 60);
  assert.equal(await restoredTokens(await openTexts(folder), textOf(1, 128)), 60);
});

test('texts of many caches are kept at once', async () => {
  using folder = tempFolder();
  const files = await openTexts(folder);
  const texts = Array.from({ length: 12 }, (_, i) => textOf(i, 32 + i));
  await Promise.all(texts.map((text) => keepText(files, text)));
  for (const files of [await openTexts(folder), await openTexts(folder)]) {
    for (const text of texts) assert.equal(await restoredTokens(files, text), text.length);
  }
});

test('texts that are to be kept at once are written one after the other, so that none makes room of one not known yet', async () => {
  using folder = tempFolder();
  const files = await openTexts(folder);
  const events: string[] = [];
  const { promise: gate, resolve: go } = deferred();
  const keeping = [1, 2].map(async (seed) => {
    using cache = filled(keptShape, textOf(seed, 40));
    const read = cache.read.bind(cache);
    cache.read = async (piece) => {
      events.push(`read ${seed}`);
      if (seed === 1) await gate;
      return read(piece);
    };
    await files.save(cache);
    events.push(`kept ${seed}`);
  });
  while (events.length === 0) await nextTurn();
  for (let i = 0; i < 20; i += 1) await nextTurn();
  assert.deepEqual(events, ['read 1']);
  go();
  await Promise.all(keeping);
  assert.ok(events.indexOf('kept 1') < events.indexOf('read 2'), `${events}`);
  assert.equal(namesIn(folder).length, 2);
});

test('the files take no more than their room; the text not used for longest goes, also after a restart', async () => {
  using folder = tempFolder();
  const probe = await openTexts(folder);
  await keepText(probe, textOf(0, 40));
  const capacity = 3.5 * bytesIn(folder);
  let files = await openTexts(folder, { capacity });
  for (const seed of [1, 2]) await keepText(files, textOf(seed, 40));
  assert.equal(await restoredTokens(files, textOf(0, 40)), 40);
  const past = Date.now() / 1000 - 100;
  for (const name of namesIn(folder)) utimesSync(folder.file(name), past, past);
  assert.equal(await restoredTokens(files, textOf(0, 40)), 40);
  assert.equal(await restoredTokens(files, textOf(2, 40)), 40);
  files = await openTexts(folder, { capacity });
  await keepText(files, textOf(3, 40));
  assert.ok(bytesIn(folder) <= capacity);
  const left = await Promise.all([0, 1, 2, 3].map((seed) => restoredTokens(files, textOf(seed, 40))));
  assert.deepEqual(left, [40, 0, 40, 40]);
  const warnings: Error[] = [];
  await keepText(await openTexts(folder, { capacity: 100, warn: (reason) => warnings.push(reason) }), textOf(4, 40));
  assert.equal(bytesIn(folder), 0, 'less room than before');
  assert.match(`${warnings}`, /40 tokens take 1\.9 KiB, more than the 100 B of the prompt cache/);
});

test('files of another model, of other shapes, and what is not ours is ignored and left alone', async () => {
  using folder = tempFolder();
  await keepText(await openTexts(folder), textOf(1, 40));
  for (const name of ['notes.txt', 'empty.kv', 'words.kv', 'long.kv']) writeFileSync(folder.file(name), '');
  writeFileSync(folder.file('words.kv'), 'these are not keys and values at all, but longer than their beginning');
  writeFileSync(folder.file('long.kv'), Buffer.alloc(100_000, 255));
  mkdirSync(folder.file('folder.kv'));
  const before = namesIn(folder);
  for (const other of [{ identity: 'another model' }, { form: kvForm({ ...keptShape, kvHeads: 1 }) }]) {
    const files = await openTexts(folder, other);
    assert.equal(files.longestMatch(textOf(1, 40)), undefined);
  }
  assert.equal(await restoredTokens(await openTexts(folder), textOf(1, 40)), 40);
  assert.deepEqual(namesIn(folder), before);
});

test('quantized keys and values come back as they were, and are not taken for those of another type', async () => {
  using folder = tempFolder();
  const text = textOf(1, 60);
  const shapes = [quantizedShape(128, 'q8_0'), quantizedShape(128, 'q4_0')];
  for (const shape of shapes) {
    const files = await openTexts(folder, { form: kvForm(shape) });
    assert.equal(files.longestMatch(text), undefined);
    using cache = filled(shape, text);
    await files.save(cache);
  }
  for (const shape of shapes) {
    const found = (await openTexts(folder, { form: kvForm(shape) })).longestMatch(text) ?? assert.fail();
    for (const count of [60, 33]) {
      using cache = filled(shape, textOf(2, 128));
      assert.equal(await found.restore(cache, count), true);
      assertHolds(cache, text.slice(0, count));
    }
  }
});

test('a file that is cut short, grew or has another bit anywhere is ignored, and never gives wrong bytes', async () => {
  using folder = tempFolder();
  const text = textOf(1, 60);
  await keepText(await openTexts(folder), text);
  const path = onlyFile(folder);
  const whole = readFileSync(path);
  const anyDamage = fc.oneof(
    fc.nat(whole.length - 1).map((length) => whole.subarray(0, length)),
    fc.uint8Array({ minLength: 1, maxLength: 9 }).map((more) => Buffer.concat([whole, more])),
    fc.nat(8 * whole.length - 1).map((bit) => {
      const flipped = Buffer.from(whole);
      const at = bit >> 3;
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
      return flipped;
    }),
  );
  await fc.assert(
    fc.asyncProperty(anyDamage, async (damaged) => {
      writeFileSync(path, damaged);
      const warnings: Error[] = [];
      const files = await openTexts(folder, { warn: (reason) => warnings.push(reason) });
      assert.equal(await restoredTokens(files, text), 0);
      assert.equal(files.longestMatch(text), undefined, 'and it is not tried again');
    }),
    { numRuns: 200 },
  );
});

test('whatever is kept and looked for, what comes back is right', async () => {
  using folder = tempFolder();
  const anyCall = fc.record({ text: anyText(128), keep: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(fc.array(anyCall, { minLength: 1, maxLength: 8 }), async (calls) => {
      const files = await openTexts(folder, { capacity: 20_000 });
      await Promise.all(
        calls.map(({ text, keep: count }) =>
          count ? keepText(files, text, text.length >> 1) : restoredTokens(files, text),
        ),
      );
      for (const { text } of calls) await restoredTokens(files, text);
      assert.ok(bytesIn(folder) <= 20_000 && namesIn(folder).every((name) => name.endsWith('.kv')));
    }),
    { numRuns: 20, includeErrorInReport: true },
  );
});

test('a file that another process removed is done without', async () => {
  using folder = tempFolder();
  const warnings: Error[] = [];
  const files = await openTexts(folder, { warn: (reason) => warnings.push(reason) });
  await keepText(files, textOf(1, 40));
  rmSync(onlyFile(folder));
  assert.equal(await restoredTokens(files, textOf(1, 40)), 0);
  assert.equal(warnings.length, 1);
  await keepText(files, textOf(1, 40));
  assert.equal(await restoredTokens(files, textOf(1, 40)), 40);
});

test('where there is no such folder, or a file in its place, all goes on with a warning', async () => {
  using folder = tempFolder();
  writeFileSync(folder.file('file'), '');
  const warnings: Error[] = [];
  const warn = (reason: Error): void => void warnings.push(reason);
  const files = await openTexts({ path: folder.file('file') }, { warn });
  assert.equal(warnings.length, 1);
  await keepText(files, textOf(1, 40));
  assert.deepEqual([await restoredTokens(files, textOf(1, 40)), warnings.length], [0, 2]);

  const gone = await openTexts({ path: folder.file('gone') }, { warn });
  rmSync(folder.file('gone'), { recursive: true });
  await keepText(gone, textOf(1, 40));
  assert.deepEqual([await restoredTokens(gone, textOf(1, 40)), warnings.length], [0, 3]);
});

test('a text that is too much to be copied is not kept, with a warning', async () => {
  using folder = tempFolder();
  const warnings: string[] = [];
  const files = await openTexts(folder, { warn: ({ message }) => warnings.push(message) });
  using cache = filled(keptShape, textOf(1, 40));
  await files.save(inOnePiece(cache));
  assert.deepEqual(namesIn(folder), []);
  assert.match(warnings.join(), /not kept .*40 tokens take 64 MiB.*at most 64 MiB/);
});

test('on a full disk nothing is left half-written, and all goes on with a warning', async (t) => {
  const disk = smallDisk(2 * 4096);
  if (!disk) return t.skip('needs a disk of its own');
  using folder = disk;
  const warnings: Error[] = [];
  const files = await openTexts(folder, { warn: (reason) => warnings.push(reason) });
  for (const seed of [1, 2, 3]) await keepText(files, textOf(seed, 60));
  assert.ok(warnings.length > 0);
  for (const { message } of warnings) assert.equal(message, `the prompt is not kept in ${folder.path} (ENOSPC)`);
  assert.ok(namesIn(folder).every((name) => name.endsWith('.kv')));
  assert.equal(await restoredTokens(await openTexts(folder), textOf(1, 60)), 60);
});

test('a folder that may not be written gives what it has, and a warning for what it does not take', async (t) => {
  const disk = process.getuid?.() === 0 ? smallDisk(2 ** 20) : tempFolder();
  if (!disk) return t.skip('needs a disk of its own');
  using folder = disk;
  await keepText(await openTexts(folder), textOf(1, 60));
  if (!forbidWriting(folder)) return t.skip('needs a folder that may not be written');
  const warnings: Error[] = [];
  const files = await openTexts(folder, { warn: (reason) => warnings.push(reason) });
  for (let i = 0; i < 2; i += 1) assert.equal(await restoredTokens(files, textOf(1, 60)), 60);
  assert.deepEqual(warnings, []);
  await keepText(files, textOf(2, 60));
  assert.equal(warnings.length, 1);
  assert.equal(await restoredTokens(files, textOf(1, 60)), 60);
});

test('a cache that is restored while its copy is replaced has the right bytes or none', async () => {
  using folder = tempFolder();
  const files = await openTexts(folder);
  using cache = kvCache(keptShape);
  for (let length = 40; length < 60; length += 1) {
    await keepText(files, textOf(1, length));
    fill(cache, textOf(2, 128));
    const found = files.longestMatch(textOf(1, length)) ?? assert.fail();
    const [done] = await Promise.all([found.restore(cache, length), keepText(files, textOf(1, length + 1))]);
    assertHolds(cache, done ? textOf(1, length) : []);
  }
  onlyFile(folder);
});
