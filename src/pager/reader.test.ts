import assert from 'node:assert/strict';
import { existsSync, readdirSync, read as readFile, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { patternAt, writePattern } from '../../test/support/pattern.ts';
import { sharedFolder, tempFolder } from '../../test/support/temp-folder.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import { type ReadAt, Reader } from './reader.ts';

const folder = sharedFolder();
const size = 40 * pageBytes + 1234;
const path = folder.file('pattern');
writePattern(path, size);
const files = [{ path, size }];

const plainRead: ReadAt = (fd, into, position, done) => readFile(fd, into, 0, into.length, position, done);

/** Reads that end when the test says so, in the order it says. */
class HeldReads {
  readonly begun: { readonly position: number; end(error?: Error): void }[] = [];
  readonly readAt: ReadAt = (_fd, into, position, done) => {
    const end = (error: Error | null = null): void => done(error, error ? 0 : into.length);
    this.begun.push({ position, end });
  };
}

const page = (): Uint8Array => new Uint8Array(pageBytes);

test('any pages of a file are read, also those at its end', async () => {
  using memory = new HostMemory(8 * pageBytes, 'a test');
  await using reader = new Reader(files, { inFlight: 3 });
  const anyPages = fc.record({ first: fc.nat(40), pages: fc.integer({ min: 1, max: 8 }) });
  let read = 0;
  await fc.assert(
    fc.asyncProperty(anyPages, fc.boolean(), async ({ first, pages }, urgent) => {
      const into = memory.view(0, pages * pageBytes).fill(0);
      await reader.read(0, into, first * pageBytes, urgent);
      const expected = patternAt(first * pageBytes, Math.min(into.length, size - first * pageBytes));
      assert.ok(Buffer.from(expected).equals(into.subarray(0, expected.length)));
      read += expected.length;
    }),
  );
  assert.equal(reader.bytesRead, read);
});

test('consecutive bytes are read to several places at once, however they are divided', async () => {
  using memory = new HostMemory(16 * pageBytes, 'a test');
  const parts = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  for (const chunk of [1, 3, 100]) {
    await using reader = new Reader(files, { inFlight: 3, chunkBytes: chunk * pageBytes });
    await fc.assert(
      fc.asyncProperty(fc.nat(40), parts, async (first, pages) => {
        // Later parts have lower addresses.
        const into = pages.map((n, i) => memory.view((12 - 4 * i) * pageBytes, n * pageBytes).fill(0));
        await reader.readv(0, into, first * pageBytes);
        const read = Buffer.concat(into);
        const expected = patternAt(first * pageBytes, Math.min(read.length, size - first * pageBytes));
        assert.ok(Buffer.from(expected).equals(read.subarray(0, expected.length)));
      }),
      { numRuns: 40 },
    );
  }
});

test('each file of a model is read by its number', async () => {
  const other = folder.file('other');
  writePattern(other, 3 * pageBytes);
  using memory = new HostMemory(pageBytes, 'a test');
  await using reader = new Reader([...files, { path: other, size: 3 * pageBytes }], { inFlight: 1 });
  const into = memory.view(0, pageBytes);
  await reader.read(1, into, 2 * pageBytes);
  assert.ok(Buffer.from(patternAt(2 * pageBytes, pageBytes)).equals(into));
  await assert.rejects(reader.read(2, into, 0));
});

test('time counts as reading while at least one read is under way', async () => {
  const held = new HeldReads();
  await using reader = new Reader(files, { inFlight: 2, readAt: held.readAt });
  const wait = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25));
  await wait();
  assert.equal(reader.busySeconds, 0);
  const both = [reader.read(0, page(), 0), reader.read(0, page(), pageBytes)];
  held.begun[0]?.end();
  await wait();
  assert.ok(reader.busySeconds > 0.02, 'also before all have ended');
  held.begun[1]?.end();
  await Promise.all(both);
  const busy = reader.busySeconds;
  await wait();
  assert.equal(reader.busySeconds, busy);
});

test('never more reads are in flight than allowed, and all end', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 40 }),
      async (inFlight, ticks) => {
        let [active, most] = [0, 0];
        const readAt: ReadAt = async (_fd, into, position, done) => {
          active += 1;
          most = Math.max(most, active);
          for (let i = 0; i < (ticks[position / pageBytes] ?? 0); i += 1) await Promise.resolve();
          active -= 1;
          done(null, into.length);
        };
        await using reader = new Reader(files, { inFlight, readAt });
        await Promise.all(ticks.map((_, i) => reader.read(0, page(), i * pageBytes, i % 3 === 0)));
        assert.equal(most, Math.min(inFlight, ticks.length));
        assert.equal(active, 0);
      },
    ),
  );
});

test('an urgent read overtakes the others that have not begun', async () => {
  const held = new HeldReads();
  await using reader = new Reader(files, { inFlight: 1, readAt: held.readAt });
  const reads = [
    reader.read(0, page(), 0),
    reader.read(0, page(), pageBytes),
    reader.read(0, page(), 2 * pageBytes, true),
    reader.read(0, page(), 3 * pageBytes, true),
  ];
  for (let i = 0; i < reads.length; i += 1) held.begun[i]?.end();
  await Promise.all(reads);
  assert.deepEqual(
    held.begun.map(({ position }) => position / pageBytes),
    [0, 2, 3, 1],
  );
});

test('a vectored read overtakes the others that have not begun, and is in flight like them', async () => {
  const held = new HeldReads();
  await using reader = new Reader(files, { inFlight: 1, readAt: held.readAt });
  const reads = [
    reader.read(0, page(), 0),
    reader.read(0, page(), pageBytes),
    reader.readv(0, [page(), page()], 2 * pageBytes),
  ];
  for (let i = 0; i < 4; i += 1) {
    assert.equal(held.begun.length, i + 1);
    held.begun[i]?.end();
  }
  await Promise.all(reads);
  assert.deepEqual(
    held.begun.map(({ position }) => position / pageBytes),
    [0, 2, 3, 1],
  );
});

test('a read that brings fewer bytes than wanted goes on where it ended', async () => {
  using memory = new HostMemory(8 * pageBytes, 'a test');
  const positions: number[] = [];
  const readAt: ReadAt = (fd, into, position, done) => {
    positions.push(position / pageBytes);
    plainRead(fd, into.subarray(0, 3 * pageBytes), position, done);
  };
  await using reader = new Reader(files, { inFlight: 2, readAt });
  const into = memory.view(0, 8 * pageBytes);
  await reader.read(0, into, 2 * pageBytes);
  assert.deepEqual(positions, [2, 5, 8]);
  assert.ok(Buffer.from(patternAt(2 * pageBytes, into.length)).equals(into));
  assert.equal(reader.bytesRead, into.length);
});

test('an error of the disk is READ_FAILED with the file and the byte; other reads go on', async () => {
  const failing: ReadAt = (_fd, into, position, done) => {
    if (position === 0 && into.length > pageBytes) return done(null, pageBytes);
    const error = position === pageBytes ? Object.assign(new Error('i/o error'), { code: 'EIO' }) : null;
    done(error, error ? 0 : into.length);
  };
  await using reader = new Reader(files, { inFlight: 1, readAt: failing });
  const after = reader.read(0, page(), 5 * pageBytes);
  const details = { file: path, offset: pageBytes, reason: 'EIO' };
  await assert.rejects(reader.read(0, page(), pageBytes), engineError('READ_FAILED', details));
  await assert.rejects(reader.read(0, new Uint8Array(4 * pageBytes), 0), engineError('READ_FAILED', details));
  await after;
});

test('a file that shrinks while it is read is FILE_CHANGED with the byte it now ends at', async () => {
  using memory = new HostMemory(8 * pageBytes, 'a test');
  const into = memory.view(0, 8 * pageBytes);
  const shrinking = folder.file('shrinking');
  for (const end of [4 * pageBytes, 4 * pageBytes + 100, 4 * pageBytes + 512]) {
    writePattern(shrinking, size);
    await using reader = new Reader([{ path: shrinking, size }], { inFlight: 2 });
    await reader.read(0, into, 0);
    truncateSync(shrinking, end);
    await assert.rejects(reader.read(0, into, 0), engineError('FILE_CHANGED', { file: shrinking, offset: end }));
    await assert.rejects(reader.read(0, into, 8 * pageBytes), engineError('FILE_CHANGED', { offset: 8 * pageBytes }));
    const parts = [into.subarray(0, 3 * pageBytes), into.subarray(3 * pageBytes)];
    await assert.rejects(reader.readv(0, parts, 0), engineError('FILE_CHANGED', { file: shrinking, offset: end }));
    await reader.read(0, into.subarray(0, 4 * pageBytes), 0);
  }
});

test('a read that ends within a page is the end of the file: it is not tried again', async () => {
  let reads = 0;
  const readAt: ReadAt = (_fd, _into, _position, done) => {
    reads += 1;
    done(null, 100);
  };
  await using reader = new Reader(files, { inFlight: 1, readAt });
  await assert.rejects(reader.read(0, page(), pageBytes), engineError('FILE_CHANGED', { offset: pageBytes + 100 }));
  assert.equal(reads, 1);
});

test('a file that was deleted is read on', async () => {
  const deleted = folder.file('deleted');
  writePattern(deleted, pageBytes);
  using memory = new HostMemory(pageBytes, 'a test');
  await using reader = new Reader([{ path: deleted, size: pageBytes }], { inFlight: 1 });
  if (process.platform !== 'win32') rmSync(deleted);
  const into = memory.view(0, pageBytes);
  await reader.read(0, into, 0);
  assert.ok(Buffer.from(patternAt(0, pageBytes)).equals(into));
});

test('disposal waits for the reads in flight, and gives up those that have not begun', async () => {
  const held = new HeldReads();
  const reader = new Reader(files, { inFlight: 2, readAt: held.readAt });
  const begun = [reader.read(0, page(), 0), reader.read(0, page(), pageBytes, true)];
  const queued = [reader.read(0, page(), 2 * pageBytes), reader.read(0, page(), 3 * pageBytes, true)];
  let disposed = false;
  const disposal = reader[Symbol.asyncDispose]().then(() => {
    disposed = true;
  });
  for (const read of queued) await assert.rejects(read);
  held.begun[0]?.end();
  await begun[0];
  await new Promise(setImmediate);
  assert.equal(disposed, false);
  held.begun[1]?.end();
  await begun[1];
  await disposal;
  assert.equal(held.begun.length, 2);
  await assert.rejects(reader.read(0, page(), 0));
  await reader[Symbol.asyncDispose]();
});

test('a file that is not there, or cannot be opened, is refused by name', () => {
  const missing = folder.file('missing');
  const open = (path: string) => () => new Reader([{ path, size }], { inFlight: 1 });
  assert.throws(open(missing), engineError('MODEL_NOT_FOUND', { file: missing }));
  if (process.platform === 'win32') return;
  const nowhere = join(path, 'nowhere');
  assert.throws(open(nowhere), engineError('UNREADABLE', { file: nowhere, reason: 'ENOTDIR' }));
});

const openFiles = '/proc/self/fd';
const noList = existsSync(openFiles) ? false : `there is no ${openFiles}`;

test('no file stays open when one of several cannot be opened', { skip: noList }, () => {
  const before = readdirSync(openFiles).length;
  const missing = { path: folder.file('missing'), size };
  assert.throws(() => new Reader([...files, ...files, missing], { inFlight: 1 }));
  assert.equal(readdirSync(openFiles).length, before);
});

/** A small file that never changes, on a file system without direct reads. */
const kernelFile = '/proc/version';
const noProc = existsSync(kernelFile) ? false : `there is no ${kernelFile}`;

test('where direct reads are refused, they are buffered, and that is said', { skip: noProc }, async () => {
  const content = readFileSync(kernelFile);
  using memory = new HostMemory(pageBytes, 'a test');
  await using reader = new Reader([{ path: kernelFile, size: content.length }], { inFlight: 1 });
  assert.equal(reader.direct, false);
  const into = memory.view(0, pageBytes);
  await reader.read(0, into, 0);
  assert.ok(content.equals(into.subarray(0, content.length)));
  await using mixed = new Reader([...files, { path: kernelFile, size: content.length }], { inFlight: 1 });
  assert.equal(mixed.direct, false);
});

const shm = '/dev/shm';
const noShm = existsSync(shm) ? false : `there is no ${shm}`;

test('a file in memory is read, whether directly or not', { skip: noShm }, async () => {
  using inMemory = tempFolder(shm);
  const file = inMemory.file('pattern');
  writePattern(file, size);
  using memory = new HostMemory(4 * pageBytes, 'a test');
  await using reader = new Reader([{ path: file, size }], { inFlight: 2 });
  const into = memory.view(0, 4 * pageBytes);
  await reader.read(0, into, 38 * pageBytes);
  const tail = patternAt(38 * pageBytes, size - 38 * pageBytes);
  assert.ok(Buffer.from(tail).equals(into.subarray(0, tail.length)));
  await reader.readv(0, [into.subarray(pageBytes, 2 * pageBytes), into.subarray(0, pageBytes)], 0);
  assert.ok(Buffer.from(patternAt(0, pageBytes)).equals(into.subarray(pageBytes, 2 * pageBytes)));
});
