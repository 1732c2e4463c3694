import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { coreTimes } from './core-times.ts';
import { busySeconds, type CoreTimes, wasDisturbed } from './other-work.ts';

const seconds = fc.double({ min: 0.01, max: 100, noNaN: true });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const zero: CoreTimes = { at: 0, cores: 4, all: 0, own: 0 };

test('a process that had the cores for itself was not disturbed, whatever it did with them', () => {
  fc.assert(
    fc.property(seconds, share, fc.integer({ min: 1, max: 4 }), (at, used, threads) => {
      const own = 4 * at * used;
      assert.equal(wasDisturbed(zero, { ...zero, at, all: own, own }, threads), false);
    }),
  );
});

test('others disturb by what they take of the cores that threads compute on', () => {
  const after = (own: number, others: number): CoreTimes => ({ ...zero, at: 1, all: own + others, own });
  assert.equal(wasDisturbed(zero, after(2, 2), 4), true);
  assert.equal(wasDisturbed(zero, after(2, 2), 2), false);
  assert.equal(wasDisturbed(zero, after(1, 3), 2), true);
  assert.equal(wasDisturbed(zero, after(3.9, 0.1), 4), false);
});

test('nothing is said of no time, or of no cores', () => {
  assert.equal(wasDisturbed(zero, { ...zero, all: 1 }, 4), false);
  const none = { ...zero, cores: 0 };
  assert.equal(wasDisturbed(none, { ...none, at: 1, all: 5 }, 4), false);
});

test('cores compute in all states but idle ones and waits for a drive; stolen time is somebody else', () => {
  assert.equal(busySeconds('cpu  100 20 300 9999 8888 30 20 50 50 60\ncpu0 1 2 3'), 5.2);
  assert.equal(busySeconds('cpu  100 50 300 9999'), 4.5);
  for (const text of ['', 'cpu', 'cpu  a b c', 'intr 5']) assert.equal(busySeconds(text), undefined);
});

test('times of this machine go forward', () => {
  const before = coreTimes();
  let after = coreTimes();
  while (after.own === before.own) after = coreTimes();
  assert.ok(after.cores > 0 && after.at > before.at && after.own > before.own && after.all >= before.all);
});
