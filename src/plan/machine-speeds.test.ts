import assert from 'node:assert/strict';
import test from 'node:test';
import { fasterOf } from './machine-speeds.ts';

test('of two measurements the faster figures count', () => {
  const slow = {
    plain: 1,
    converted: null,
    step: 5,
    core: 4,
    half: { step: 1, core: null, slower: 2 },
    further: 0.5,
    rest: 2,
    choice: 3,
  };
  const fast = {
    plain: 2,
    converted: 4,
    step: 3,
    core: null,
    half: { step: 2, core: 2, slower: 1 },
    further: 0.4,
    rest: 3,
    choice: 1,
  };
  const best = {
    plain: 2,
    converted: 4,
    step: 3,
    core: 4,
    half: { step: 1, core: 2, slower: 1 },
    further: 0.4,
    rest: 2,
    choice: 1,
  };
  assert.deepEqual([fasterOf(slow, fast), fasterOf(fast, slow)], [best, best]);
});
