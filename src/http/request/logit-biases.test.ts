import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend } from '../../../test/support/fake-backend.ts';
import { at } from '../../base/at.ts';
import { biasByToken, logitBiases } from './logit-biases.ts';

test('biases are an object or a list of pairs; a token is a number or a text, and false forbids it', () => {
  const never = Number.NEGATIVE_INFINITY;
  for (const [given, biases] of [
    [{}, []],
    [
      { 7: 1, ' a': -100, 8: false },
      [
        [7, 1],
        [8, never],
        [' a', -100],
      ],
    ],
    [
      [
        [7, 1],
        ['a', false],
      ],
      [
        [7, 1],
        ['a', never],
      ],
    ],
  ] as const)
    assert.deepEqual(logitBiases.parse(given), biases);
});

test('a bias that is none is refused at its place', () => {
  const path = (given: unknown): unknown => logitBiases.safeParse(given).error?.issues[0]?.path;
  assert.deepEqual(path([[1, 2, 3]]), [0]);
  assert.deepEqual(
    path([
      [1, 2],
      [-1, 2],
    ]),
    [1, 0],
  );
  assert.deepEqual(path({ 1: 101 }), ['1']);
  assert.deepEqual(path({ 1: true }), ['1']);
  assert.deepEqual(path('none'), []);
  assert.deepEqual(path(Array.from({ length: 1025 }, () => [1, 1])), []);
});

test('a text stands for all of its tokens', async () => {
  const backend = new FakeBackend();
  const model = at(backend.served, 0);
  assert.deepEqual(
    await biasByToken(backend, model, [
      [5, 1],
      ['ab', 2],
    ]),
    { 5: 1, 97: 2, 98: 2 },
  );
  assert.equal(await biasByToken(backend, model, undefined), undefined);
});
