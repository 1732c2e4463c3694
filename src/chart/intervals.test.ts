import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { covered, type Interval, joinBars, packRows } from './intervals.ts';

/** Any intervals; half of them on whole numbers, so that many touch. */
const intervals = fc
  .array(fc.tuple(fc.nat(200), fc.oneof(fc.integer({ min: 1, max: 40 }), fc.float({ min: 0, max: 9, noNaN: true }))))
  .map((pairs) => pairs.map(([begin, length]) => ({ begin, end: begin + length })));

/** The number of intervals that lie over a point: the most at any begin. */
const depth = (all: readonly Interval[]): number =>
  Math.max(0, ...all.map(({ begin }) => all.filter((x) => x.begin <= begin && begin < x.end).length));

test('no two intervals of a row overlap, and none is lost', () => {
  fc.assert(
    fc.property(intervals, (all) => {
      const rows = packRows(all);
      for (const row of rows) {
        for (const [i, { begin }] of row.entries()) assert.ok((row[i - 1]?.end ?? 0) <= begin);
      }
      assert.deepEqual(new Set(rows.flat()), new Set(all));
      assert.equal(rows.flat().length, all.length);
    }),
  );
});

test('there are as many rows as intervals lie over one point', () => {
  const lasting = intervals.map((all) => all.filter(({ begin, end }) => end > begin));
  fc.assert(fc.property(lasting, (all) => assert.equal(packRows(all).length, depth(all))));
});

test('time that several intervals share is counted once', () => {
  assert.equal(covered([]), 0);
  assert.equal(
    covered([
      { begin: 5, end: 7 },
      { begin: 0, end: 4 },
      { begin: 1, end: 2 },
      { begin: 3, end: 6 },
    ]),
    7,
  );
  const whole = fc.array(fc.tuple(fc.nat(60), fc.nat(20)).map(([begin, length]) => ({ begin, end: begin + length })));
  fc.assert(
    fc.property(whole, (all) => {
      const instants = Array.from({ length: 80 }, (_, i) => i);
      const busy = instants.filter((i) => all.some(({ begin, end }) => begin <= i && i < end));
      assert.equal(covered(all), busy.length);
    }),
  );
});

test('bars that can be seen stand alone; of shorter ones that touch, one is made', () => {
  const touching = (length: number, count: number): readonly Interval[] =>
    Array.from({ length: count }, (_, i) => ({ begin: i * length, end: (i + 1) * length }));
  assert.deepEqual(joinBars(touching(10, 2)), [
    { begin: 0, end: 9.25 },
    { begin: 10, end: 19.25 },
  ]);
  assert.deepEqual(joinBars(touching(0.5, 200)), [{ begin: 0, end: 100 }]);
  const apart = [
    { begin: 0, end: 0.5 },
    { begin: 1, end: 1.5 },
  ];
  assert.deepEqual(joinBars(apart), apart);
});

test('joined bars are as long as the row was busy, in order, and few', () => {
  const gapAndLength = fc.tuple(
    fc.double({ min: 0, max: 0.2, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(gapAndLength, { maxLength: 400 }), (pairs) => {
      let at = 0;
      const row = pairs.map(([gap, length]) => {
        const begin = at + gap;
        at = begin + length;
        return { begin, end: at };
      });
      const bars = joinBars(row);
      assert.ok(Math.abs(covered(bars) - covered(row)) < 1e-6);
      assert.ok(bars.length <= 1 + at / 0.05 + 1e-6);
      for (const [i, { begin }] of bars.entries()) assert.ok(begin >= (bars[i - 1]?.end ?? 0));
    }),
  );
});
