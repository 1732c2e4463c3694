import assert from 'node:assert/strict';
import test from 'node:test';
import { fasterText, gains } from './faster-ways.ts';

test('a way is told with what it takes and what it gives', () => {
  const texts = [
    fasterText({ kind: 'memory', budget: 12 * 2 ** 30, whole: false, here: true, tokens_per_s: 3.14 }),
    fasterText({ kind: 'memory', budget: 2 ** 34, whole: true, here: true, tokens_per_s: 12.3 }),
    fasterText({ kind: 'memory', budget: 2 ** 37, whole: true, here: false, tokens_per_s: 12.3 }),
    fasterText({ kind: 'draft', model: 'tiny', accepted: 0.7, tokens_per_s: 2.41 }),
  ];
  assert.deepEqual(texts, [
    'with 12 GiB 3.1',
    'with 16 GiB, all in memory, 12',
    'with 128 GiB (more than there is here), all in memory, 12',
    'with --draft-model tiny 2.4, where 7 of 10 of its tokens are accepted',
  ]);
});

test('a few percent are not worth telling', () => {
  assert.deepEqual([gains(1, 1.1), gains(1, 1.15), gains(2, 5)], [false, true, true]);
});
