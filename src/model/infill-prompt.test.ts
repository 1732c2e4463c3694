import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { EngineError } from '../base/errors.ts';
import { infillTokens } from './infill-prompt.ts';

const infill = { prefix: 1001, suffix: 1002, middle: 1003, repository: undefined, separator: undefined };
/** A vocabulary whose tokens are characters. */
const vocabulary = {
  file: 'code.gguf',
  bos: 1000,
  addBos: true,
  infill,
  tokenize: (text: string, { most = Number.POSITIVE_INFINITY }): number[] => {
    if (text.length <= most) return [...text].map((character) => character.charCodeAt(0));
    throw new EngineError('CONTEXT_TOO_LONG', { prompt: text.length, context: most, atLeast: true });
  },
};
const codes = (text: string): readonly number[] => [...text].map((character) => character.charCodeAt(0));

test('prefix and suffix stand behind their tokens, and the model goes on behind the last one', () => {
  assert.deepEqual(infillTokens(vocabulary, { prefix: 'ab', suffix: 'c' }, 100), [
    1000,
    1001,
    ...codes('ab'),
    1002,
    ...codes('c'),
    1003,
  ]);
});

test('other files come first, by name where the vocabulary has a token for that', () => {
  const files = [{ name: 'x', text: 'y' }];
  const named = { ...vocabulary, addBos: false, infill: { ...infill, repository: 1004, separator: 1005 } };
  const [first, ...rest] = infillTokens(named, { prefix: '', suffix: '', files }, 100);
  assert.equal(first, 1004);
  const begin = [...codes('myproject\n'), 1005, ...codes('x\ny'), 1005, ...codes('filename\n')];
  assert.deepEqual(rest, [...begin, 1001, 1002, 1003]);
  const plain = infillTokens({ ...vocabulary, addBos: false }, { prefix: '', suffix: '', files }, 100);
  assert.deepEqual(plain, [...codes('\n\n--- snippet ---\n\ny'), 1001, 1002, 1003]);
});

test('a model without the tokens is an error, and so is a prompt that is too long', () => {
  const fill = { prefix: 'ab', suffix: 'c' };
  assert.throws(() => infillTokens({ ...vocabulary, infill: undefined }, fill, 100), engineError('NO_INFILL', /code/));
  assert.throws(() => infillTokens(vocabulary, fill, 3), engineError('CONTEXT_TOO_LONG', /4 tokens/));
});
