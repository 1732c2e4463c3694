import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { str, u32 } from '../../bench/gguf-writer.ts';
import { tinyBytePair, writeVocabulary } from '../../bench/tiny-vocabulary.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import { readHeader } from '../gguf/header.ts';
import { Vocabulary } from '../text/vocabulary.ts';
import { commonBytes, InfillSearch } from './infill-names.ts';

const folder = sharedFolder();

/** Names of families: the tokens before the prefix, the suffix, and what is filled in. */
const families = [
  ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'],
  ['<fim-prefix>', '<fim-suffix>', '<fim-middle>'],
  ['<fim_prefix>', '<fim_suffix>', '<fim_middle>'],
  ['<｜fim▁begin｜>', '<｜fim▁hole｜>', '<｜fim▁end｜>'],
  ['<PRE>', '<SUF>', '<MID>'],
  ['▁<PRE>', '▁<SUF>', '▁<MID>'],
  ['<|code_prefix|>', '<|code_suffix|>', '<|code_middle|>'],
  ['<|prefix|>', '<|suffix|>', '<|middle|>'],
];

/** Whether libllama, and a search through the file in parts, find all tokens for filling in. */
function found(texts: readonly string[], metadata: object = {}, step = 1000): readonly [boolean, boolean] {
  const path = folder.file('model.gguf');
  const tiny = tinyBytePair('gpt-2', texts);
  writeVocabulary(path, { ...tiny, metadata: { ...tiny.metadata, ...metadata } });
  using vocabulary = Vocabulary.open(path);
  const search = new InfillSearch(readHeader(path).metadata);
  const bytes = readFileSync(path);
  for (let at = 0; at < bytes.length; at += step) search.read(bytes.subarray(Math.max(0, at - commonBytes), at + step));
  return [vocabulary.infill !== undefined, search.found];
}

test('a file has tokens for filling in where libllama finds them, by any name, however it is read', () => {
  for (const names of families) {
    for (const step of [7, 64, 1000]) assert.deepEqual(found(names, {}, step), [true, true], `${names}`);
  }
});

test('one that is missing makes them useless, and a name in another text is none', () => {
  const [prefix, suffix, middle] = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'];
  assert.deepEqual(found([prefix, suffix] as string[]), [false, false]);
  assert.deepEqual(found([`${prefix}.`, `${suffix}.`, `${middle}.`]), [false, false]);
  const template = { 'tokenizer.chat_template': str(`${prefix}${suffix}${middle}`) };
  assert.deepEqual(found([], template), [false, false]);
});

test('numbers of tokens count, also under their older names, if there are such tokens', () => {
  const numbered = (pre: string, id: number): object => ({
    [`tokenizer.ggml.${pre}_token_id`]: u32(id),
    'tokenizer.ggml.fim_suf_token_id': u32(6),
    'tokenizer.ggml.middle_token_id': u32(7),
  });
  assert.deepEqual(found([], numbered('fim_pre', 5)), [true, true]);
  assert.deepEqual(found([], numbered('prefix', 5)), [true, true]);
  assert.deepEqual(found([], numbered('prefix', 1e6)), [false, false]);
});
