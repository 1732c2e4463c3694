import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { arr, bool, f32, i32, type MetadataValue, str, u32 } from '../../bench/gguf-writer.ts';
import {
  type TinyVocabulary,
  tinyBytePair,
  tinyPlamo2,
  tinyRwkv,
  tinySentencePiece,
  tinyUnigram,
  tinyWordPiece,
  writeVocabulary,
} from '../../bench/tiny-vocabulary.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedPath } from '../../test/support/temp-folder.ts';
import type { ErrorCode } from '../base/error-details.ts';
import { EngineError } from '../base/errors.ts';
import { readHeader } from '../gguf/header.ts';
import { checkTokenizer, tokenizerDoubt } from './check-tokenizer.ts';
import { Vocabulary } from './vocabulary.ts';

const path = sharedPath('model.gguf');

type Metadata = Readonly<Record<string, MetadataValue>>;

const bytePair = tinyBytePair();
const sentencePiece = tinySentencePiece();
const rwkv = tinyRwkv();
const plamo2 = tinyPlamo2();
const wordPiece = tinyWordPiece();
const unigram = tinyUnigram();

function check(tiny: Pick<TinyVocabulary, 'metadata'>, more: Metadata = {}): void {
  writeVocabulary(path, tiny, more);
  checkTokenizer(readHeader(path).metadata);
}

function refuses(code: ErrorCode, key: string, tiny: Pick<TinyVocabulary, 'metadata'>, more: Metadata = {}): void {
  assert.throws(() => check(tiny, more), engineError(code, { key }), key);
}

const without = ({ metadata }: TinyVocabulary, key: string): Pick<TinyVocabulary, 'metadata'> => ({
  metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== key)),
});

const names = ({ ids }: TinyVocabulary): string[] => [...ids.keys()];
const tokens = 'tokenizer.ggml.tokens';

test('a sound tokenizer passes, and so does a model without one', () => {
  check(bytePair);
  check(sentencePiece);
  check(rwkv);
  check(plamo2);
  check(wordPiece);
  check(unigram);
  check({ metadata: { 'tokenizer.ggml.model': str('no_vocab') } });
  check({ metadata: { 'tokenizer.ggml.model': str('none') } }, { 'llama.vocab_size': u32(1000) });
});

test('what is missing is named', () => {
  refuses('METADATA_MISSING', 'tokenizer.ggml.model', { metadata: {} });
  refuses('METADATA_MISSING', tokens, without(bytePair, tokens));
  refuses('METADATA_MISSING', 'tokenizer.ggml.merges', without(bytePair, 'tokenizer.ggml.merges'));
});

test('kinds of tokenizers that are not supported are refused', () => {
  for (const kind of ['hybriddna', '', 'llama\0', 'toString']) {
    refuses('METADATA_INVALID', 'tokenizer.ggml.model', bytePair, { 'tokenizer.ggml.model': str(kind) });
  }
  refuses('METADATA_INVALID', 'tokenizer.ggml.pre', bytePair, { 'tokenizer.ggml.pre': str('whitespace') });
});

test('arrays of a wrong type or that are too short are refused', () => {
  const size = bytePair.ids.size;
  const wrong: readonly (readonly [string, MetadataValue])[] = [
    [tokens, str('hello')],
    [tokens, arr('u32', [1, 2, 3])],
    [tokens, arr('string', [])],
    ['tokenizer.ggml.scores', arr('f64', Array(size).fill(0))],
    ['tokenizer.ggml.scores', arr('f32', Array(size - 1).fill(0))],
    ['tokenizer.ggml.token_type', arr('u8', Array(size).fill(1))],
    ['tokenizer.ggml.token_type', arr('i32', [])],
    ['tokenizer.ggml.merges', arr('i32', [1])],
  ];
  for (const [key, value] of wrong) refuses('METADATA_INVALID', key, bytePair, { [key]: value });
});

test('names that libllama would take for one are refused', () => {
  for (const twin of ['h', 'h\0', 'h\0ello']) {
    refuses('METADATA_INVALID', tokens, bytePair, { [tokens]: arr('string', [...names(bytePair), twin]) });
  }
  const empty = ['', 'a', '[EMPTY_0]', ...names(bytePair).slice(3)];
  refuses('METADATA_INVALID', tokens, bytePair, { [tokens]: arr('string', empty) });
});

test('a byte without a token is refused where bytes are the fallback', () => {
  const rename = (from: string, to: string): Metadata => ({
    [tokens]: arr(
      'string',
      names(sentencePiece).map((name) => (name === from ? to : name)),
    ),
  });
  refuses('METADATA_INVALID', tokens, sentencePiece, rename('<0xC3>', 'spare'));
  refuses('METADATA_INVALID', tokens, sentencePiece, rename('<0x00>', 'spare'));
  check(sentencePiece, rename('<0x41>', 'A'));
});

test('a byte of a text that no token begins with is refused where the longest one is taken', () => {
  const renamed = (from: string, to: string): Metadata => ({
    [tokens]: arr(
      'string',
      names(rwkv).map((name) => (name === from ? to : name)),
    ),
  });
  for (const name of ['a', '\\x0a', '\\xe4', '\\x5c']) {
    refuses('METADATA_INVALID', tokens, rwkv, renamed(name, `more than ${name}`));
  }
  check(rwkv, renamed('\\xff', 'no text has this one'));
  check(rwkv, renamed('\\x0a', '\\n'));
});

test('names too long for what libllama makes of them are refused', () => {
  const more = (tiny: TinyVocabulary, name: string): Metadata => ({
    [tokens]: arr('string', [...names(tiny), name]),
    'tokenizer.ggml.token_type': arr('i32', Array(tiny.ids.size + 1).fill(1)),
    'tokenizer.ggml.scores': arr('f32', Array(tiny.ids.size + 1).fill(0)),
  });
  for (const [tiny, most] of [
    [rwkv, 4096],
    [plamo2, 4000],
    [unigram, 4096],
  ] as const) {
    check(tiny, more(tiny, 'x'.repeat(most)));
    refuses('METADATA_INVALID', tokens, tiny, more(tiny, 'x'.repeat(most + 200)));
  }
});

test('special tokens that are not there are refused', () => {
  for (const name of ['bos', 'eos', 'eot', 'eom']) {
    const key = `tokenizer.ggml.${name}_token_id`;
    for (const value of [u32(bytePair.ids.size), u32(2 ** 32 - 1), i32(-1), f32(0.5), str('1')]) {
      refuses('METADATA_INVALID', key, bytePair, { [key]: value });
    }
  }
});

test('a token that libllama falls back to must be there, also where the file does not name it', () => {
  for (const [tiny, name] of [
    [wordPiece, 'unknown'],
    [wordPiece, 'bos'],
    [wordPiece, 'seperator'],
    [unigram, 'unknown'],
  ] as const) {
    const key = `tokenizer.ggml.${name}_token_id`;
    refuses('METADATA_INVALID', key, tiny, { [key]: u32(tiny.ids.size) });
    if (tiny === wordPiece && tiny.ids.size < 100) refuses('METADATA_INVALID', key, without(tiny, key));
  }
});

test('pieces of words are no bytes', () => {
  const key = 'tokenizer.ggml.token_type';
  const types = (type: number): Metadata => ({ [key]: arr('i32', Array(wordPiece.ids.size).fill(type)) });
  check(wordPiece, types(1));
  refuses('METADATA_INVALID', key, wordPiece, types(6));
});

test('a map of characters that leads libllama out of its bytes is refused', () => {
  const key = 'tokenizer.ggml.precompiled_charsmap';
  const map = (bytes: readonly number[]): Metadata => ({ [key]: arr('u8', bytes) });
  check(unigram, map([0, 0, 0, 0, 0]));
  refuses('METADATA_INVALID', key, unigram, map([4, 0, 0, 0, 0, 4, 0, 0, 0]));
  refuses('METADATA_INVALID', key, unigram, map([255, 0, 0, 0, 1]));
  refuses('METADATA_INVALID', key, unigram, { [key]: arr('i32', [0, 0]) });
});

test('a model without a tokenizer may not ask for any amount of memory', () => {
  const none = { metadata: { 'tokenizer.ggml.model': str('no_vocab') } };
  refuses('METADATA_INVALID', 'llama.vocab_size', none, { 'llama.vocab_size': u32(2 ** 32 - 1) });
});

test('what passes is opened and used without a crash, or is an error with a code', () => {
  const value = fc.oneof(
    fc
      .constantFrom(
        'llama',
        'gpt2',
        'gemma4',
        'rwkv',
        'plamo2',
        'bert',
        't5',
        'no_vocab',
        'deepseek-llm',
        'kimi-k2',
        'phi-3',
        '',
      )
      .map(str),
    fc.integer({ min: 0, max: 300 }).map(u32),
    fc.boolean().map(bool),
    fc.array(fc.integer({ min: -2, max: 9 }), { minLength: 270, maxLength: 330 }).map((types) => arr('i32', types)),
    fc.array(fc.float(), { minLength: 270, maxLength: 330 }).map((scores) => arr('f32', scores)),
    fc.array(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 20 }).map((texts) => arr('string', texts)),
    fc
      .constantFrom(bytePair, sentencePiece, rwkv, plamo2, wordPiece, unigram)
      .map((tiny) => arr('string', names(tiny).reverse())),
  );
  const key = fc.constantFrom(
    ...['model', 'pre', 'tokens', 'scores', 'token_type', 'merges', 'bos_token_id', 'eos_token_id', 'eot_token_id'],
    ...[
      'unknown_token_id',
      'padding_token_id',
      'add_bos_token',
      'add_eos_token',
      'add_space_prefix',
      'suppress_tokens',
    ],
  );
  const changes = fc.dictionary(
    key.map((name) => `tokenizer.ggml.${name}`),
    value,
    { maxKeys: 3 },
  );
  const base = fc.constantFrom(bytePair, sentencePiece, rwkv, plamo2, wordPiece, unigram);
  const use = (): void => {
    using vocabulary = Vocabulary.open(path);
    const text = 'hello world\n\0 é😀<|im_end|> </s>  \u{10FFFF}';
    const tokenized = [true, false].map((yes) => vocabulary.tokenize(text, { addSpecial: yes, parseSpecial: yes }));
    for (const token of tokenized.flat()) vocabulary.piece(token, { special: true });
  };
  fc.assert(
    fc.property(base, changes, fc.constantFrom('', 'phi-3'), (tiny, more, name) => {
      try {
        check(tiny, { 'general.name': str(name), ...more });
        use();
      } catch (error) {
        assert.ok(error instanceof EngineError, String(error));
      }
    }),
  );
});

test('a byte-pair tokenizer that does not say how texts are split is in doubt', () => {
  const doubt = (tiny: Pick<TinyVocabulary, 'metadata'>): string | undefined => {
    writeVocabulary(path, tiny);
    return tokenizerDoubt(readHeader(path).metadata);
  };
  assert.equal(doubt(bytePair), undefined);
  assert.match(doubt(without(bytePair, 'tokenizer.ggml.pre')) ?? '', /tokenizer\.ggml\.pre/);
  assert.equal(doubt(sentencePiece), undefined);
});
