import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { oneOfWords, perhaps } from './nearest-word.ts';

const words = ['temperature', 'top_k', 'top_p', 'num_ctx', 'stop'];

test('the word that was meant is told, and none where nothing is like it', () => {
  for (const [wanted, word] of [
    ['temprature', 'temperature'],
    ['Top-K', 'top_k'],
    ['numctx', 'num_ctx'],
    ['stops', 'stop'],
  ] as const) {
    assert.equal(perhaps(wanted, words), ` (did you mean ${word}?)`);
  }
  for (const other of ['', 'x', 'grammar', 'frequency']) assert.equal(perhaps(other, words), '', other);
});

test('where words are listed, the one that was meant is the first', () => {
  assert.match(oneOfWords('temprature', words), /^temperature, perhaps, or another of top_k, /);
  assert.match(oneOfWords('x', words), /^one of temperature, /);
});

test('whatever word has one wrong letter, the right one is found, or one as near', () => {
  const word = fc.stringMatching(/^[a-z]{4,12}$/);
  fc.assert(
    fc.property(word, fc.array(word), fc.nat(), (right, others, place) => {
      const at = place % right.length;
      const said = perhaps(`${right.slice(0, at)}0${right.slice(at + 1)}`, [...others, right]);
      assert.ok([...others, right].some((word) => said === ` (did you mean ${word}?)`));
    }),
  );
});
