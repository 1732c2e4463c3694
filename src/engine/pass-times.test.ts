import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { PassTimes } from './pass-times.ts';

/** Passes that were measured: tokens and seconds. */
const timesOf = (...passes: readonly (readonly [number, number])[]): PassTimes => {
  const times = new PassTimes();
  for (const [tokens, seconds] of passes) times.record(tokens, seconds);
  return times;
};

const anyPass = fc.tuple(fc.integer({ min: 1, max: 64 }), fc.double({ min: 1e-4, max: 100, noNaN: true }));

test('where nothing was measured nothing is known', () => {
  assert.equal(new PassTimes().seconds(1), 0);
});

test('what was measured once is believed', () => {
  fc.assert(
    fc.property(fc.uniqueArray(anyPass, { selector: ([tokens]) => tokens, minLength: 1 }), (passes) => {
      const times = timesOf(...passes);
      for (const [tokens, seconds] of passes) assert.equal(times.seconds(tokens), seconds);
    }),
  );
});

test('between two sizes that were measured it takes what the line through them says', () => {
  const times = timesOf([9, 5], [1, 1], [5, 2]);
  assert.deepEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tokens) => times.seconds(tokens)),
    [1, 1.25, 1.5, 1.75, 2, 2.75, 3.5, 4.25, 5],
  );
});

test('more tokens are free up to twice those that were measured, so that they are tried; then they cost in proportion', () => {
  const times = timesOf([4, 3], [2, 2]);
  assert.deepEqual(
    [4, 5, 8, 9, 16, 32].map((tokens) => times.seconds(tokens)),
    [3, 3, 3, 3 * (9 / 8), 6, 12],
  );
});

test('fewer tokens than were ever measured take no less', () => {
  const times = timesOf([4, 3], [6, 4]);
  assert.deepEqual([times.seconds(1), times.seconds(3)], [3, 3]);
});

test('whatever was measured, no size is expected to take less than the fastest pass, or more in proportion than the slowest', () => {
  fc.assert(
    fc.property(fc.array(anyPass, { minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 128 }), (passes, n) => {
      const all = passes.map(([, seconds]) => seconds);
      const seconds = timesOf(...passes).seconds(n);
      assert.ok(seconds >= 0.999 * Math.min(...all));
      assert.ok(seconds <= 1.001 * Math.max(...all) * Math.max(1, n / 2));
    }),
  );
});

test('a size that takes another time than before is believed after some passes, not after one', () => {
  const times = timesOf([3, 1], [3, 5]);
  assert.ok(times.seconds(3) > 1.5 && times.seconds(3) < 3);
  for (let i = 0; i < 20; i += 1) times.record(3, 5);
  assert.ok(Math.abs(times.seconds(3) - 5) < 0.01);
});

test('a pass that was slow once is not held against its size for ever', () => {
  const times = timesOf([1, 1], [2, 1], [4, 60]);
  assert.ok(times.seconds(3) > 20);
  for (let i = 0; i < 250; i += 1) times.record(2, 1);
  assert.equal(times.seconds(4), 1);
});

test('the smallest size is known for good: it is what all others are compared with', () => {
  const times = timesOf([1, 1]);
  for (let i = 0; i < 1000; i += 1) times.record(8 + (i % 8), 1.5);
  assert.equal(times.seconds(1), 1);
  assert.equal(times.seconds(9), 1.5);
});
