import assert from 'node:assert/strict';
import test from 'node:test';
import { ExpertCounters } from './expert-counters.ts';

test('a use counts half as much after 8 tokens', () => {
  const counters = new ExpertCounters(3);
  for (let token = 0; token < 8; token += 1) counters.add([0, 1], 2, 1);
  counters.add([1, 2], 2, 1);
  const [first, second, third] = [0, 1, 2].map((expert) => counters.of(expert) / counters.of(2)) as number[];
  // Seven tokens of the first eight are of the time before the first halving.
  assert.deepEqual([first, second, third], [4.5, 5.5, 1]);
});

test('texts that go on together make a use count half as much when each has gone 8 tokens on', () => {
  const counters = new ExpertCounters(4);
  counters.add([0, 1, 2], 1, 3);
  for (let token = 0; token < 6; token += 1) counters.add([3, 3, 3], 1, 3);
  assert.equal(counters.of(0), counters.of(3) / 18);
  // One that is alone for a token, and a prompt beside two answers, take a text on, too.
  counters.add([1], 1, 1);
  assert.equal(counters.of(1) / counters.of(0), 3);
  counters.add(Array(23).fill(3), 1, 3);
  counters.add([2], 1, 1);
  assert.equal(counters.of(2) / counters.of(0), 5);
});

test('experts of equal counts are ordered by their numbers', () => {
  const counters = new ExpertCounters(3);
  counters.add([0, 1, 2, 2], 2, 1);
  assert.ok(counters.isBelow(0, 1) && !counters.isBelow(1, 0) && counters.isBelow(1, 2));
});

test('after any number of tokens counts are finite, and compare as those of the last few', () => {
  const [old, fresh] = [new ExpertCounters(4), new ExpertCounters(4)];
  // A multiple of the 8 tokens, beyond any power that a number can hold.
  for (let token = 0; token < 8 * 2500; token += 1) old.add([token % 4], 1, 1);
  for (let token = 0; token < 500; token += 1) {
    const expert = token % 7 === 0 ? 1 : token % 3;
    for (const counters of [old, fresh]) counters.add([expert], 1, 1);
  }
  for (const a of [0, 1, 2]) {
    assert.ok(Number.isFinite(old.of(a)) && old.of(a) > 0);
    for (const b of [0, 1, 2]) assert.equal(old.isBelow(a, b), fresh.isBelow(a, b));
  }
  assert.ok(old.isBelow(3, 0));
});
