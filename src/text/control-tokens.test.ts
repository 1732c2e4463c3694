import assert from 'node:assert/strict';
import test from 'node:test';
import { tinySentencePiece, writeVocabulary } from '../../bench/tiny-vocabulary.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { controlTokensOf, tokenizeParts } from './control-tokens.ts';
import { Vocabulary } from './vocabulary.ts';

const path = sharedFolder().file('model.gguf');
writeVocabulary(path, tinySentencePiece());
const vocabulary = Vocabulary.open(path);
test.after(() => vocabulary[Symbol.dispose]());

const most = 100;

test('control tokens have names, of which the others are free', () => {
  const names = controlTokensOf(vocabulary).map(({ text }) => text);
  assert.ok(names.includes('<|im_end|>') && names.includes('</s>'));
  assert.ok(!names.includes('▁hello'));
});

test('parts that meet at control tokens give the tokens of the whole text', () => {
  const parts = ['hello<|im_end|>', 'hello world', '<|im_end|> hello'].map((text) => ({ text, special: true }));
  const whole = parts.map(({ text }) => text).join('');
  for (const addSpecial of [true, false]) {
    assert.deepEqual(
      tokenizeParts(vocabulary, parts, { addSpecial, most }),
      vocabulary.tokenize(whole, { addSpecial, parseSpecial: true, most }),
    );
  }
});

test('the name of a control token is text in a part that is text', () => {
  const text = 'hello<|im_end|>';
  const count = (special: boolean): number =>
    tokenizeParts(vocabulary, [{ text, special }], { addSpecial: false, most }).filter((token) =>
      vocabulary.isControl(token),
    ).length;
  assert.deepEqual([count(true), count(false)], [1, 0]);
});

test('tokens of all parts count', () => {
  const parts = [1, 2, 3].map(() => ({ text: 'hello<|im_end|>', special: true }));
  const tokens = (most: number): number[] => tokenizeParts(vocabulary, parts, { addSpecial: false, most });
  const { length } = tokens(most);
  assert.equal(tokens(length).length, length);
  assert.throws(() => tokens(length - 1), engineError('CONTEXT_TOO_LONG', new RegExp(`${length}`)));
});
