import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend } from '../../../test/support/fake-backend.ts';
import { at } from '../../base/at.ts';
import { mixedPrompts, unmixed } from './mixed-prompts.ts';
import { reservationOf } from './reservations.ts';

const schema = mixedPrompts({ most: 3, empty: true });

test('a list with a number in it is one prompt, any other is several', () => {
  for (const [given, prompts] of [
    ['a', ['a']],
    ['', ['']],
    [[1, 2], [[1, 2]]],
    [[1, 'a', 2], [[1, 'a', 2]]],
    [
      ['a', 'b'],
      ['a', 'b'],
    ],
    [
      ['a', [1, 'b'], { prompt_string: 'c' }],
      ['a', [1, 'b'], 'c'],
    ],
    [{ prompt_string: 'a' }, ['a']],
  ] as const)
    assert.deepEqual(schema.parse(given), prompts);
});

test('a prompt that is none is refused at its place', () => {
  for (const [given, path] of [
    [[], []],
    [['a', 'b', 'c', 'd'], []],
    [5, []],
    [undefined, []],
    [['a', {}], [1]],
    [[[]], [0]],
    [[1, -1], [1]],
    [[1, 0.5], [1]],
    [[[1, {}]], [0, 1]],
    [{ prompt_string: 'a', multimodal_data: ['x'] }, []],
  ] as const)
    assert.deepEqual(schema.safeParse(given).error?.issues[0]?.path, path, JSON.stringify(given));
  assert.equal(mixedPrompts({ most: 3 }).safeParse('').success, false);
});

test('texts between tokens become tokens, and the token that begins a text comes before the first alone', async () => {
  const backend = new FakeBackend();
  const model = at(backend.served, 0);
  const reservation = reservationOf(new Request('http://localhost'));
  const prompts = [['a', 7, 'b'], [7, 'b'], [7, 8], 'ab'];
  assert.deepEqual(await unmixed(backend, model, prompts, reservation), [[1, 97, 7, 98], [7, 98], [7, 8], 'ab']);
});
