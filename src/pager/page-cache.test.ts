import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test, { type TestContext } from 'node:test';
import { cachedBytes, evict, unwatchable } from '../../test/support/page-cache.ts';
import { writePattern } from '../../test/support/pattern.ts';
import { type TempFolder, tempFolder } from '../../test/support/temp-folder.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { Reader } from './reader.ts';

const size = 300 * pageBytes + 1234;

/** A file on the disk and not in the page cache, or undefined where that cannot be had; the test is skipped then. */
function coldFile(t: TestContext, folder: TempFolder): string | undefined {
  const path = folder.file('pattern');
  writePattern(path, size);
  const reason = unwatchable(path);
  if (reason !== undefined) {
    t.skip(reason);
    return undefined;
  }
  evict(path);
  assert.equal(cachedBytes(path), 0);
  return path;
}

test('a file can be dropped from the page cache, and an ordinary read brings it back', (t) => {
  using folder = tempFolder();
  const path = coldFile(t, folder);
  if (path === undefined) return;
  readFileSync(path);
  assert.equal(cachedBytes(path), 301 * pageBytes);
  evict(path);
  assert.equal(cachedBytes(path), 0);
});

test('direct reads leave nothing of a file in the page cache', async (t) => {
  using folder = tempFolder();
  const path = coldFile(t, folder);
  if (path === undefined) return;
  using memory = new HostMemory(301 * pageBytes, 'a test');
  await using reader = new Reader([{ path, size }], { inFlight: 4 });
  if (!reader.direct) return t.skip('this file system refuses direct reads');
  const reads = [0, 100, 200].map((first) => {
    const pages = Math.min(100, 301 - first);
    return reader.read(0, memory.view(first * pageBytes, pages * pageBytes), first * pageBytes);
  });
  await Promise.all(reads);
  await reader.read(0, memory.view(0, pageBytes), 300 * pageBytes, true);
  assert.equal(cachedBytes(path), 0);
});
