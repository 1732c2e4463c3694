import assert from 'node:assert/strict';
import test from 'node:test';
import { ExpertCounters } from './expert-counters.ts';

test('a use counts half as much after 8 tokens', () => {
  const counters = new ExpertCounters(3);
  for (let token = 0; token < 8; token += 1) counters.add([0, 1], 2);
  counters.add([1, 2], 2);
  const [first, second, third] = [0, 1, 2].map((expert) => counters.of(expert) / counters.of(2)) as number[];
  // Seven tokens of the first eight are of the time before the first halving.
  assert.deepEqual([first, second, third], [4.5, 5.5, 1]);
});

test('experts of equal counts are ordered by their numbers', () => {
  const counters = new ExpertCounters(3);
  counters.add([0, 1, 2, 2], 2);
  assert.ok(counters.isBelow(0, 1) && !counters.isBelow(1, 0) && counters.isBelow(1, 2));
});

test('after any number of tokens counts are finite, and compare as those of the last few', () => {
  const [old, fresh] = [new ExpertCounters(4), new ExpertCounters(4)];
  // A multiple of the 8 tokens, beyond any power that a number can hold.
  for (let token = 0; token < 8 * 2500; token += 1) old.add([token % 4], 1);
  for (let token = 0; token < 500; token += 1) {
    const expert = token % 7 === 0 ? 1 : token % 3;
    for (const counters of [old, fresh]) counters.add([expert], 1);
  }
  for (const a of [0, 1, 2]) {
    assert.ok(Number.isFinite(old.of(a)) && old.of(a) > 0);
    for (const b of [0, 1, 2]) assert.equal(old.isBelow(a, b), fresh.isBelow(a, b));
  }
  assert.ok(old.isBelow(3, 0));
});
