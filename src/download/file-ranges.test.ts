import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { areSound, beginIn, type FileRange, missingIn, piecesOf, rangeBytes, withRange } from './file-ranges.ts';

const size = 40;
const range = fc
  .tuple(fc.nat(size), fc.nat(size))
  .map(([a, b]): FileRange => ({ start: Math.min(a, b), end: Math.max(a, b) }));
const several = fc.array(range, { maxLength: 12 });
const joined = (ranges: readonly FileRange[]): readonly FileRange[] =>
  ranges.reduce(withRange, [] as readonly FileRange[]);
const bytesOf = (ranges: readonly FileRange[]): ReadonlySet<number> =>
  new Set(ranges.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, i) => start + i)));

test('ranges hold the bytes that were put in, whatever their order, and are sound', () => {
  fc.assert(
    fc.property(several, (ranges) => {
      const held = joined(ranges);
      assert.deepEqual([...bytesOf(held)].sort(), [...bytesOf(ranges)].sort());
      assert.equal(rangeBytes(held), bytesOf(ranges).size);
      assert.ok(areSound(held, size));
      assert.deepEqual(joined(ranges.toReversed()), held);
    }),
  );
});

test('what is missing is all the rest, and with it the file is whole', () => {
  fc.assert(
    fc.property(several, (ranges) => {
      const held = joined(ranges);
      const missing = missingIn(held, size);
      assert.equal(rangeBytes(held) + rangeBytes(missing), size);
      assert.deepEqual(joined([...held, ...missing]), [{ start: 0, end: size }]);
    }),
  );
});

test('pieces are the same bytes, in order, none longer than asked', () => {
  fc.assert(
    fc.property(several, fc.integer({ min: 1, max: size }), (ranges, most) => {
      const held = joined(ranges);
      const pieces = piecesOf(held, most);
      assert.deepEqual(joined(pieces), held);
      assert.equal(rangeBytes(pieces), rangeBytes(held));
      assert.ok(pieces.every(({ start, end }) => end - start <= most && end > start));
    }),
  );
});

test('the begin that is there ends before the first byte that is missing', () => {
  fc.assert(
    fc.property(several, (ranges) => {
      const held = joined(ranges);
      assert.equal(beginIn(held), missingIn(held, size)[0]?.start ?? size);
    }),
  );
});

test('ranges that overlap, touch, are empty or leave the file are not sound', () => {
  const unsound = [
    [
      { start: 0, end: 2 },
      { start: 2, end: 4 },
    ],
    [
      { start: 3, end: 4 },
      { start: 0, end: 1 },
    ],
    [{ start: 1, end: 1 }],
    [{ start: 0, end: size + 1 }],
    [{ start: -1, end: 3 }],
    [{ start: 0.5, end: 3 }],
  ];
  for (const ranges of unsound) assert.equal(areSound(ranges, size), false);
});
