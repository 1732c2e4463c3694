import assert from 'node:assert/strict';
import test from 'node:test';
import { replayTogether } from './replay-routes.ts';

const pairs = 8;
/** Texts of some tokens, each of which uses these experts of the only router. */
const repeated = (experts: readonly number[]): readonly (readonly (readonly number[])[])[] =>
  Array.from({ length: 3 }, () => [experts]);

test('texts that use the same experts miss none together where one alone would not', () => {
  const texts = [repeated([0, 1]), repeated([1, 0])];
  assert.deepEqual(replayTogether(texts, [{ experts: 8, slots: 2, pairs }]), [[0], [0], [0]]);
});

test('texts that use different experts need slots for all of them', () => {
  const texts = [repeated([0, 1]), repeated([2, 3])];
  assert.deepEqual(replayTogether(texts, [{ experts: 8, slots: 4, pairs }]), [[0], [0], [0]]);
  for (const [misses] of replayTogether(texts, [{ experts: 8, slots: 2, pairs }])) assert.ok(misses && misses >= 2);
});
