import assert from 'node:assert/strict';
import test from 'node:test';
import {
  type TinyVocabulary,
  tinyBytePair,
  tinyUnigram,
  tinyWordPiece,
  writeVocabulary,
} from '../../bench/tiny-vocabulary.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { wholeTokens } from '../../test/support/whole-tokens.ts';
import { Vocabulary } from './vocabulary.ts';

const folder = sharedFolder();
const path = (name: string): string => folder.file(`${name}.gguf`);
const [wordPiece, unigram] = [tinyWordPiece(), tinyUnigram()];
writeVocabulary(path('word-piece'), wordPiece);
writeVocabulary(path('unigram'), unigram);
writeVocabulary(path('byte-pair'), tinyBytePair());

const ids = (tiny: TinyVocabulary, names: readonly string[]): readonly (number | undefined)[] =>
  names.map((name) => tiny.ids.get(name));

test('word pieces and unigrams are found, and words that are not known are one token', () => {
  using words = Vocabulary.open(path('word-piece'));
  const inWords = (text: string): readonly number[] => words.tokenize(text, { addSpecial: true, parseSpecial: false });
  assert.deepEqual(inWords('Hello  plums!'), ids(wordPiece, ['[CLS]', '▁hello', '▁plum', 's', '▁!', '[SEP]']));
  assert.deepEqual(inWords('ж'.repeat(900)), ids(wordPiece, ['[CLS]', '[UNK]', '[SEP]']));
  using unigrams = Vocabulary.open(path('unigram'));
  const inUnigrams = unigrams.tokenize('hello  world plums', { addSpecial: true, parseSpecial: false });
  assert.deepEqual(inUnigrams, ids(unigram, ['▁hello', '▁world', '▁plum', 's', '</s>']));
  // Words longer than a part would be cut.
  const long = 'hello  Plums, ж中文\n'.repeat(3000);
  for (const [name, vocabulary] of Object.entries({ 'word-piece': words, unigram: unigrams }))
    assert.deepEqual(
      vocabulary.tokenize(long, { addSpecial: false, parseSpecial: true }),
      wholeTokens(path(name), long),
    );
});

test('the begin of a text ends as the whole does', () => {
  for (const name of ['byte-pair', 'word-piece', 'unigram']) {
    using vocabulary = Vocabulary.open(path(name));
    const text = 'hello world '.repeat(3000);
    const options = { addSpecial: true, parseSpecial: false };
    const whole = vocabulary.tokenize(text, options);
    assert.deepEqual(vocabulary.tokenizeStart(text, { ...options, most: whole.length }), whole);
    const start = vocabulary.tokenizeStart(text, { ...options, most: 100 });
    assert.deepEqual(start, vocabulary.addEos ? [...whole.slice(0, 99), vocabulary.eos] : whole.slice(0, 100));
  }
});
