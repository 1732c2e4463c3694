import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { arr, bool, scalar, str, u32 } from '../../bench/gguf-writer.ts';
import {
  tinyBytePair,
  tinyPlamo2,
  tinyRwkv,
  tinySentencePiece,
  tinyUnigram,
  tinyWordPiece,
  writeVocabulary,
} from '../../bench/tiny-vocabulary.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { wholeTokens } from '../../test/support/whole-tokens.ts';
import type { EngineError } from '../base/errors.ts';
import { maxPartUnits } from './text-parts.ts';
import { Vocabulary } from './vocabulary.ts';

const folder = sharedFolder();
const path = (name: string): string => folder.file(`${name}.gguf`);
const plain = { addSpecial: false, parseSpecial: false };
const special = { addSpecial: true, parseSpecial: true };

const bytePair = tinyBytePair();
const sentencePiece = tinySentencePiece();
writeVocabulary(path('byte-pair'), bytePair);
writeVocabulary(path('sentence-piece'), sentencePiece);
const rwkv = tinyRwkv();
const plamo2 = tinyPlamo2();
writeVocabulary(path('rwkv'), rwkv);
writeVocabulary(path('plamo2'), plamo2);
writeVocabulary(path('word-piece'), tinyWordPiece());
writeVocabulary(path('unigram'), tinyUnigram());
writeVocabulary(
  path('none'),
  { metadata: { 'tokenizer.ggml.model': str('no_vocab') } },
  { 'llama.vocab_size': u32(99) },
);

const ids = (tiny: typeof bytePair, names: readonly string[]): readonly (number | undefined)[] =>
  names.map((name) => tiny.ids.get(name));

const textOf = (vocabulary: Vocabulary, tokens: readonly number[]): string =>
  Buffer.concat(tokens.map((token) => vocabulary.piece(token, { special: false }))).toString();

const isFailure = engineError('VOCABULARY_FAILED');

test('byte pairs are merged as the merges say', () => {
  using vocabulary = Vocabulary.open(path('byte-pair'));
  assert.deepEqual(vocabulary.tokenize('hello world', plain), ids(bytePair, ['hello', 'Ġworld']));
  assert.deepEqual(vocabulary.tokenize('help', plain), ids(bytePair, ['he', 'l', 'p']));
});

test('sentence pieces begin with a space that the text does not have', () => {
  using vocabulary = Vocabulary.open(path('sentence-piece'));
  assert.deepEqual(vocabulary.tokenize('hello world', plain), ids(sentencePiece, ['▁hello', '▁world']));
  assert.deepEqual(vocabulary.tokenize('é', plain), ids(sentencePiece, ['▁', '<0xC3>', '<0xA9>']));
});

test('the longest token that a text goes on with is the next one of RWKV', () => {
  using vocabulary = Vocabulary.open(path('rwkv'));
  assert.deepEqual(vocabulary.tokenize('hello world', plain), ids(rwkv, ['hello', ' world']));
  assert.deepEqual(vocabulary.tokenize('hell\n', plain), ids(rwkv, ['he', 'l', 'l', '\\x0a']));
  assert.deepEqual(
    vocabulary.tokenize('中中文', plain),
    ids(rwkv, ['\\xe4\\xb8\\xad', '\\xe4\\xb8\\xad\\xe6\\x96\\x87']),
  );
});

test('the tokens with the highest sum of scores are those of PLaMo 2', () => {
  using vocabulary = Vocabulary.open(path('plamo2'));
  assert.deepEqual(vocabulary.tokenize('hello world', plain), ids(plamo2, ['hello', ' world']));
  assert.deepEqual(vocabulary.tokenize('hello worl', plain), ids(plamo2, ['hell', 'o wor', 'l']));
  assert.deepEqual(vocabulary.tokenize('中文é', plain), ids(plamo2, ['中文', '<0xC3>', '<0xA9>']));
});

test('a vocabulary of PLaMo 2 without a token for each byte is an error with a code', () => {
  const metadata = { ...plamo2.metadata, 'tokenizer.ggml.token_type': arr('i32', Array(plamo2.ids.size).fill(1)) };
  writeVocabulary(path('no-bytes'), { metadata });
  assert.throws(() => Vocabulary.open(path('no-bytes')), isFailure);
});

test('the tokens of the model are known', () => {
  using vocabulary = Vocabulary.open(path('byte-pair'));
  const [bos, eos, end, think] = ids(bytePair, ['<s>', '</s>', '<|im_end|>', '<think>']) as readonly number[];
  assert.equal(vocabulary.size, bytePair.ids.size);
  assert.deepEqual([vocabulary.bos, vocabulary.eos, vocabulary.addBos], [bos, eos, true]);
  assert.deepEqual(
    [bos, eos, end, think].map((token) => vocabulary.isControl(token ?? -1)),
    [true, true, true, false],
  );
  assert.deepEqual(
    [bos, eos, end].map((token) => vocabulary.isEndOfGeneration(token ?? -1)),
    [false, true, true],
  );
});

test('control tokens are read by name only when asked for, and are added only when asked for', () => {
  using vocabulary = Vocabulary.open(path('byte-pair'));
  const [bos, start] = ids(bytePair, ['<s>', '<|im_start|>']);
  assert.deepEqual(vocabulary.tokenize('<|im_start|>', special), [bos, start]);
  assert.ok(vocabulary.tokenize('<|im_start|>', plain).length > 5);
  assert.deepEqual(vocabulary.tokenize('', special), [bos]);
  assert.deepEqual(vocabulary.tokenize('', plain), []);
});

test('an end token is added where the model wants one', () => {
  writeVocabulary(path('add-eos'), bytePair, { 'tokenizer.ggml.add_eos_token': bool(true) });
  using vocabulary = Vocabulary.open(path('add-eos'));
  assert.deepEqual(vocabulary.tokenize('hello', special), ids(bytePair, ['<s>', 'hello', '</s>']));
});

test('a control token is nothing, or its name', () => {
  using vocabulary = Vocabulary.open(path('byte-pair'));
  const [end, think] = ids(bytePair, ['<|im_end|>', '<think>']) as readonly number[];
  assert.equal(textOf(vocabulary, [end ?? -1, think ?? -1]), '<think>');
  assert.equal(Buffer.from(vocabulary.piece(end ?? -1, { special: true })).toString(), '<|im_end|>');
});

test('a token that is not there has no bytes and is nothing special', () => {
  using vocabulary = Vocabulary.open(path('byte-pair'));
  for (const token of [-1, vocabulary.size, 2 ** 31 - 1, 0.5, Number.NaN]) {
    assert.equal(vocabulary.piece(token, { special: true }).length, 0);
    assert.equal(vocabulary.isControl(token), false);
  }
});

test('a piece may be longer than any buffer', () => {
  const name = 'x'.repeat(5000);
  const long = tinyBytePair('gpt-2', [name]);
  writeVocabulary(path('long'), long);
  using vocabulary = Vocabulary.open(path('long'));
  assert.equal(textOf(vocabulary, [long.ids.get(name) ?? -1]), name);
});

test('any text comes back, except that lone surrogates become U+FFFD', () => {
  const text = fc.string({ unit: 'binary', maxLength: 100 });
  const odd = fc.constantFrom('\0', '\uD800', '\uDC00x', '\uFEFF', ' ', '  \n', '👩‍👩‍👧', 'a\0b', '<unk>', '▁');
  using bytes = Vocabulary.open(path('byte-pair'));
  using pieces = Vocabulary.open(path('sentence-piece'));
  using longest = Vocabulary.open(path('rwkv'));
  using highest = Vocabulary.open(path('plamo2'));
  fc.assert(
    fc.property(fc.array(fc.oneof(text, odd), { maxLength: 4 }), (parts) => {
      const whole = Buffer.from(parts.join('')).toString();
      assert.equal(textOf(bytes, bytes.tokenize(parts.join(''), plain)), whole);
      assert.equal(textOf(longest, longest.tokenize(parts.join(''), plain)), whole);
      // PLaMo 2 reads names of control tokens in any text, and no byte order mark.
      const named = highest.tokenize(parts.join(''), plain);
      assert.equal(textOf(highest, named), whole.replace(/^\uFEFF/, '').replaceAll('<unk>', ''));
      const back = textOf(pieces, pieces.tokenize(parts.join(''), plain));
      assert.equal(back, whole === '' ? '' : ` ${whole.replaceAll('▁', ' ')}`);
    }),
  );
});

test('a text of any length and shape is tokenized with every kind of pre-tokenizer', () => {
  const long = ['a', ' ', '1', '!', '中', "'s", '/\n', 'a '].map((one) => one.repeat(7000));
  for (const pre of ['gpt-2', 'llama-bpe', 'deepseek-llm', 'falcon', 'gpt-4o', 'bloom', 'exaone-moe']) {
    writeVocabulary(path(pre), tinyBytePair(pre));
    using vocabulary = Vocabulary.open(path(pre));
    for (const text of long) assert.equal(textOf(vocabulary, vocabulary.tokenize(text, plain)), text, pre);
  }
});

test('no token is longer than the longest one', () => {
  using vocabulary = Vocabulary.open(path('byte-pair'));
  const lengths = Array.from({ length: vocabulary.size }, (_, id) => vocabulary.piece(id, { special: true }).length);
  assert.equal(vocabulary.longestPiece(), Math.max(...lengths));
});

test('a model without a tokenizer opens with the size it names, and tokenizes nothing', () => {
  using vocabulary = Vocabulary.open(path('none'));
  assert.deepEqual([vocabulary.size, vocabulary.bos, vocabulary.addBos], [99, undefined, false]);
  assert.deepEqual([vocabulary.isControl(1), vocabulary.isEndOfGeneration(1)], [false, false]);
  assert.deepEqual([vocabulary.piece(1, { special: true }).length, vocabulary.longestPiece()], [0, 0]);
  assert.throws(() => vocabulary.tokenize('text', plain), isFailure);
});

test('of a split model only the first file is needed', () => {
  const more = {
    'split.no': scalar('u16', 0),
    'split.count': scalar('u16', 3),
    'split.tensors.count': scalar('i32', 0),
  };
  writeVocabulary(path('model-00001-of-00003'), bytePair, more);
  using vocabulary = Vocabulary.open(path('model-00001-of-00003'));
  assert.equal(vocabulary.size, bytePair.ids.size);
});

test('texts are split in the default way where libllama does not know that of the file, which is a doubt', () => {
  writeVocabulary(path('unknown-pre'), tinyBytePair('no-such-pre-tokenizer'));
  writeVocabulary(path('default-pre'), tinyBytePair('default'));
  using unknown = Vocabulary.open(path('unknown-pre'));
  using usual = Vocabulary.open(path('default-pre'));
  const text = "A tree\u2019s 4444+88 = 4532; we won't  say ".repeat(100);
  const tokensOf = (vocabulary: Vocabulary): readonly number[] =>
    vocabulary.tokenize(text, { addSpecial: true, parseSpecial: false });
  assert.deepEqual(tokensOf(unknown), tokensOf(usual));
  assert.match(unknown.doubt ?? '', /"no-such-pre-tokenizer"/);
  assert.equal(usual.doubt, undefined);
});

test('what libllama does not open is an error with a code', () => {
  assert.throws(() => Vocabulary.open(path('missing')), isFailure);
});

test('tokens are put around a text where libllama does', () => {
  for (const name of ['byte-pair', 'add-eos', 'sentence-piece', 'rwkv', 'plamo2', 'word-piece', 'unigram']) {
    using vocabulary = Vocabulary.open(path(name));
    assert.deepEqual(vocabulary.tokenize('hello', special), wholeTokens(path(name), 'hello', true), name);
  }
});

test('a text of many parts has the tokens that it has as a whole', () => {
  const word = fc.constantFrom(
    'hello',
    ' world',
    '\n',
    '  ',
    "it's",
    ' 1234567',
    '<|im_start|>',
    '<think>',
    '中文',
    '。',
    '\r\n',
  );
  const kinds = ['gpt-2', 'llama-bpe', 'qwen2', 'smollm', 'kimi-k2', 'deepseek-llm', 'falcon', 'tekken', 'gemma4'];
  const files = kinds.map((pre) => {
    writeVocabulary(path(`whole-${pre}`), tinyBytePair(pre, pre === 'gpt-2' ? ['lo wo'] : []));
    return path(`whole-${pre}`);
  });
  const across = tinyRwkv();
  writeVocabulary(path('rwkv-across'), across, {
    'tokenizer.ggml.tokens': arr('string', [...across.ids.keys(), '\\xad\\xe6\\x96']),
    'tokenizer.ggml.token_type': arr('i32', Array(across.ids.size + 1).fill(1)),
  });
  const others = ['sentence-piece', 'rwkv', 'rwkv-across', 'plamo2'].map(path);
  for (const file of [...files, ...others]) {
    using vocabulary = Vocabulary.open(file);
    fc.assert(
      fc.property(fc.array(word, { minLength: 10, maxLength: 60 }), (words) => {
        const text = words.join('').repeat(Math.ceil(40_000 / words.join('').length));
        assert.deepEqual(vocabulary.tokenize(text, { addSpecial: false, parseSpecial: true }), wholeTokens(file, text));
      }),
      { numRuns: 2 },
    );
  }
});

test('no more of a text is tokenized than there is room for', () => {
  for (const name of ['byte-pair', 'sentence-piece', 'rwkv', 'plamo2']) {
    using vocabulary = Vocabulary.open(path(name));
    const text = 'hello world '.repeat(8000);
    const tokens = vocabulary.tokenize(text, special);
    assert.deepEqual(vocabulary.tokenize(text, { ...special, most: tokens.length }), tokens);
    for (const most of [0, 10, tokens.length - 1]) {
      assert.throws(
        () => vocabulary.tokenize(text, { ...special, most }),
        (error: EngineError<'CONTEXT_TOO_LONG'>) => {
          const { prompt, context } = error.details;
          return context === most && prompt > most && prompt <= Math.min(most + maxPartUnits, tokens.length);
        },
      );
    }
    const [first = -1] = tokens;
    assert.deepEqual(vocabulary.tokenizeEnd(text, special), tokens);
    const kept = vocabulary.addBos ? [first, ...tokens.slice(-1999)] : tokens.slice(-2000);
    assert.deepEqual(vocabulary.tokenizeEnd(text, { ...special, most: 2000 }), kept);
    assert.deepEqual(vocabulary.tokenizeEnd(text, { ...plain, most: 2000 }), tokens.slice(-2000));
  }
});
