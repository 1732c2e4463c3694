import assert from 'node:assert/strict';
import { read as readFile } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { patternAt, writePattern } from '../../test/support/pattern.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import { weightOf } from '../../test/support/weights.ts';
import { type ReadAt, Reader } from './reader.ts';
import { Rows } from './rows.ts';

const path = sharedPath('pattern');
const size = 700_001;
writePattern(path, size);

/** Opens the file with a count of its reads, and of those in flight at once. */
function countedReader() {
  const counts = { reads: 0, active: 0, most: 0 };
  const readAt: ReadAt = (fd, into, position, done) => {
    counts.reads += 1;
    counts.active += 1;
    counts.most = Math.max(counts.most, counts.active);
    readFile(fd, into, 0, into.length, position, (error, bytes) => {
      counts.active -= 1;
      done(error, bytes);
    });
  };
  return { counts, reader: new Reader([{ path, size }], { inFlight: 3, readAt }) };
}

/** Matrices at odd offsets, with rows that lie on one page or on several; the last one ends with the file. */
const matrices = [
  weightOf('small rows', 'q4_0', [64, 500], 101),
  weightOf('rows of a page', 'f32', [1024, 60], 32),
  weightOf('rows of several pages', 'f32', [3000, 40], 4095),
  weightOf('to the end', 'q8_0', [32, 500], size - 34 * 500),
];

test('rows are read in any order, each with its place in the list', async () => {
  for (const weight of matrices) {
    const { reader } = countedReader();
    await using _reader = reader;
    using rows = new Rows(reader, weight);
    const [, count = 0] = weight.shape;
    const length = weight.extent.length / count;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(count - 1), { maxLength: 100 }), async (wanted) => {
        const seen: number[] = [];
        await rows.read(wanted, (index, bytes) => {
          seen.push(index);
          const offset = weight.extent.offset + (wanted[index] ?? 0) * length;
          assert.ok(Buffer.from(patternAt(offset, length)).equals(bytes), `row ${wanted[index]} of ${weight.name}`);
        });
        assert.deepEqual(
          seen.sort((a, b) => a - b),
          [...wanted.keys()],
        );
      }),
      { numRuns: 40 },
    );
  }
});

test('a row is read once, however often it is listed, and several rows at the same time', async () => {
  const { counts, reader } = countedReader();
  await using _reader = reader;
  using rows = new Rows(reader, matrices[0] ?? assert.fail());
  const wanted = Array.from({ length: 300 }, (_, i) => i % 75);
  let used = 0;
  await rows.read(wanted, () => {
    used += 1;
  });
  assert.equal(counts.reads, 75);
  assert.equal(used, 300);
  assert.equal(counts.most, 3);
});

test('for no rows nothing is read', async () => {
  const { counts, reader } = countedReader();
  await using _reader = reader;
  using rows = new Rows(reader, matrices[0] ?? assert.fail());
  await rows.read([], () => assert.fail('there is no row'));
  assert.equal(counts.reads, 0);
});

test('an error of the disk reaches the one that asked for the row, and later rows are read again', async () => {
  let broken = true;
  const readAt: ReadAt = (fd, into, position, done) => {
    if (broken) done(Object.assign(new Error('i/o error'), { code: 'EIO' }), 0);
    else readFile(fd, into, 0, into.length, position, done);
  };
  await using reader = new Reader([{ path, size }], { inFlight: 2, readAt });
  const weight = matrices[2] ?? assert.fail();
  using rows = new Rows(reader, weight);
  await assert.rejects(
    rows.read([1, 2, 3], () => {}),
    engineError('READ_FAILED'),
  );
  broken = false;
  await rows.read([7], (_, bytes) => {
    assert.ok(Buffer.from(patternAt(weight.extent.offset + 7 * 12000, 12000)).equals(bytes));
  });
});
