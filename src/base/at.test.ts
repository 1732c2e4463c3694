import assert from 'node:assert/strict';
import test from 'node:test';
import { at, last } from './at.ts';

test('an element that exists is given, be it 0 or empty', () => {
  assert.equal(at([7, 0], 1), 0);
  assert.equal(at(new Float32Array([1.5]), 0), 1.5);
  assert.equal(last(['a', '']), '');
});

test('an element that does not exist is an error that names the place', () => {
  for (const i of [-1, 2, 0.5, Number.NaN]) assert.throws(() => at([7, 8], i), { message: /of 2$/ });
  assert.throws(() => last([]), { message: /of 0$/ });
});
