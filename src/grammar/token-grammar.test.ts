import assert from 'node:assert/strict';
import test from 'node:test';
import { at } from '../base/at.ts';
import { Automaton } from './automaton.ts';
import { type GrammarSource, grammarOf } from './source.ts';
import { TokenGrammar } from './token-grammar.ts';
import { TokenIndex } from './token-index.ts';
import { type GrammarVocabulary, TokenNames } from './token-names.ts';

/** A vocabulary of texts: a control token is written with angles around it, the end is empty. */
function vocabularyOf(texts: readonly string[]): GrammarVocabulary {
  const isControl = (token: number): boolean => /^<.*>$/.test(at(texts, token));
  return {
    size: texts.length,
    piece: (token, { special }) => Buffer.from(isControl(token) && !special ? '' : at(texts, token), 'latin1'),
    isControl,
    isEndOfGeneration: (token) => texts[token] === '',
    tokenize: (text) => (texts.includes(text) ? [texts.indexOf(text)] : [0, 0]),
  };
}

const texts = ['', '{', '"', '"a', 'ab', 'a', '": ', '1', '12', '}', '<end>', '<call>', '\xc3', '\xa9', 'b<'];
const vocabulary = vocabularyOf(texts);
const index = TokenIndex.of(vocabulary);
const names = new TokenNames(vocabulary);

/** The texts of tokens that may follow others, by a grammar. */
function allowedAfter(source: GrammarSource, before: readonly string[]): readonly string[] {
  const grammar = new TokenGrammar(new Automaton(grammarOf(source), names), index);
  const state = before.reduce((state, text) => grammar.after(state, texts.indexOf(text)), grammar.start);
  const set = grammar.allowed(state);
  const found = texts.filter((_, token) => set.has(token));
  assert.equal(set.size, found.length);
  assert.equal(grammar.isOver(state), `${found}` === '' && found.length === 1);
  return found;
}

const gbnf = (text: string): GrammarSource => ({ kind: 'gbnf', text });

test('a token is allowed if some text goes on with all of it, and the end where the text is whole', () => {
  const source = gbnf('root ::= "{" ("\\"a" "b"? "\\": " [0-9]+ "}")?');
  assert.deepEqual(allowedAfter(source, []), ['{']);
  assert.deepEqual(allowedAfter(source, ['{']), ['', '"', '"a']);
  assert.deepEqual(allowedAfter(source, ['{', '"']), ['ab', 'a']);
  assert.deepEqual(allowedAfter(source, ['{', '"a', '": ']), ['1', '12']);
  assert.deepEqual(allowedAfter(source, ['{', '"a', '": ', '12', '}']), ['']);
});

test('characters may be divided among tokens', () => {
  assert.deepEqual(allowedAfter(gbnf('root ::= [é-î] "1"'), []), ['\xc3']);
  assert.deepEqual(allowedAfter(gbnf('root ::= [é-î] "1"'), ['\xc3']), ['\xa9']);
  assert.deepEqual(allowedAfter(gbnf('root ::= [^é] "1"'), ['\xc3']), []);
});

test('control tokens stand for their name in a text, by name or number, and are never characters', () => {
  assert.deepEqual(allowedAfter(gbnf('root ::= "a<call>1"'), ['a']), ['<call>']);
  assert.deepEqual(allowedAfter(gbnf('root ::= "a<call>1"'), ['a', '<call>']), ['1']);
  assert.deepEqual(allowedAfter(gbnf('root ::= <[10]> <call>'), []), ['<end>']);
  assert.deepEqual(allowedAfter(gbnf('root ::= <[10]> <call>'), ['<end>']), ['<call>']);
  assert.deepEqual(allowedAfter(gbnf('root ::= .'), []), ['{', '"', 'a', '1', '}', '\xc3']);
  const lazy: GrammarSource = { kind: 'triggered', triggers: ['<call>'], after: { kind: 'text', text: '12' } };
  assert.deepEqual(
    allowedAfter(lazy, ['ab']),
    texts.filter((text) => text !== '\xa9'),
  );
  assert.deepEqual(allowedAfter(lazy, ['ab', '<end>', '<call>']), ['1', '12']);
});
