import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { tinySentencePiece, writeVocabulary } from '../../bench/tiny-vocabulary.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { Detokenizer } from './detokenizer.ts';
import { Vocabulary } from './vocabulary.ts';

const folder = sharedFolder();

/** Pieces of the tokens 0, 1, 2, ... */
const pieces = (...all: readonly Uint8Array[]) => ({ piece: (token: number) => all[token] ?? new Uint8Array() });

/** The text after each piece, and at the end. */
function stream(all: readonly Uint8Array[]): readonly string[] {
  const detokenizer = new Detokenizer(pieces(...all));
  return [...all.map((_, token) => detokenizer.push(token)), detokenizer.end()];
}

test('a character spread over tokens comes out whole with its last byte', () => {
  const [a, b, c, d] = [...Buffer.from('😀')].map((byte) => Uint8Array.of(byte));
  assert.deepEqual(stream([a, b, c, d] as Uint8Array[]), ['', '', '', '😀', '']);
});

test('bytes that cannot become a character are U+FFFD as soon as that is certain', () => {
  assert.deepEqual(stream([Uint8Array.of(0xff), Uint8Array.of(0x41)]), ['\uFFFD', 'A', '']);
  assert.deepEqual(stream([Uint8Array.of(0xe2, 0x82), Uint8Array.of(0x41)]), ['', '\uFFFDA', '']);
});

test('an unfinished character is U+FFFD at the end, and a new text begins clean', () => {
  const detokenizer = new Detokenizer(pieces(Uint8Array.of(0xe2), Uint8Array.of(0x41)));
  assert.deepEqual([detokenizer.push(0), detokenizer.end()], ['', '\uFFFD']);
  assert.deepEqual([detokenizer.push(1), detokenizer.end()], ['A', '']);
});

test('a byte order mark is text like any other', () => {
  assert.deepEqual(stream([Buffer.from('\uFEFFa'), Buffer.from('\uFEFF')]), ['\uFEFFa', '\uFEFF', '']);
});

test('however bytes are cut into tokens, the text is the same and no character is split', () => {
  const valid = fc.string({ unit: 'binary', maxLength: 20 }).map((text) => Buffer.from(text));
  const bytes = fc.oneof(valid, fc.uint8Array({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(bytes), fc.array(fc.nat({ max: 5 }), { minLength: 1 }), (parts, sizes) => {
      const whole = Buffer.concat(parts);
      const chunks: Uint8Array[] = [];
      for (let at = 0, i = 0; at < whole.length; i++) {
        const size = sizes[i % sizes.length] || (i % sizes.length === 0 ? 1 : 0);
        chunks.push(whole.subarray(at, at + size));
        at += size;
      }
      const texts = stream(chunks);
      assert.equal(texts.join(''), new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole));
      for (const text of texts) assert.equal(Buffer.from(text).toString(), text);
    }),
  );
});

test('a continuation keeps its leading space, and control tokens are nothing unless they are shown', () => {
  const tiny = tinySentencePiece();
  const path = folder.file('model.gguf');
  writeVocabulary(path, tiny);
  using vocabulary = Vocabulary.open(path);
  const tokens = ['▁hello', '▁world', '<|im_end|>', '<0xC3>', '<0xA9>'].map((name) => tiny.ids.get(name) ?? -1);
  const read = (detokenizer: Detokenizer): readonly string[] => tokens.map((token) => detokenizer.push(token));
  assert.deepEqual(read(new Detokenizer(vocabulary)), [' hello', ' world', '', '', 'é']);
  assert.deepEqual(read(new Detokenizer(vocabulary, new Set(tokens))), [' hello', ' world', '<|im_end|>', '', 'é']);
});
