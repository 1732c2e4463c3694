import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { nearestWord, perhaps } from './nearest-word.ts';

const words = ['temperature', 'top_k', 'top_p', 'num_ctx', 'stop'];

test('the word that was meant is told, and none where nothing is like it', () => {
  assert.equal(nearestWord('temprature', words), 'temperature');
  assert.equal(nearestWord('Top-K', words), 'top_k');
  assert.equal(nearestWord('numctx', words), 'num_ctx');
  assert.equal(perhaps('stops', words), ' (did you mean stop?)');
  for (const other of ['', 'x', 'grammar', 'frequency']) assert.equal(perhaps(other, words), '', other);
});

test('whatever word has one wrong letter, the right one is found, or one as near', () => {
  const word = fc.stringMatching(/^[a-z]{4,12}$/);
  fc.assert(
    fc.property(word, fc.array(word), fc.nat(), (right, others, place) => {
      const at = place % right.length;
      const found = nearestWord(`${right.slice(0, at)}0${right.slice(at + 1)}`, [...others, right]);
      assert.ok(found !== undefined);
      assert.ok(found === right || others.includes(found));
    }),
  );
});
