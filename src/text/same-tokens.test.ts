import assert from 'node:assert/strict';
import test from 'node:test';
import { arr, type MetadataValue, str } from '../../bench/gguf-writer.ts';
import { tinyBytePair, writeVocabulary } from '../../bench/tiny-vocabulary.ts';
import { thrown } from '../../test/support/engine-error.ts';
import { sharedFolder } from '../../test/support/temp-folder.ts';
import type { EngineError } from '../base/errors.ts';
import { readHeader } from '../gguf/header.ts';
import type { Metadata } from '../gguf/metadata.ts';
import { checkSameTokens } from './same-tokens.ts';

const folder = sharedFolder();
const [draftPath, targetPath] = [folder.file('draft.gguf'), folder.file('target.gguf')];

const own = tinyBytePair();
const tokens = [...own.ids.keys()];
const without: Readonly<Record<string, MetadataValue>> = { 'tokenizer.ggml.model': str('no_vocab') };
const withTokens = (names: readonly string[]): Readonly<Record<string, MetadataValue>> => ({
  ...own.metadata,
  'tokenizer.ggml.tokens': arr('string', names),
});

function headerOf(path: string, metadata: Readonly<Record<string, MetadataValue>>): Metadata {
  writeVocabulary(path, { metadata });
  return readHeader(path).metadata;
}

const check = (draft: Readonly<Record<string, MetadataValue>>, target: Readonly<Record<string, MetadataValue>>): void =>
  checkSameTokens(headerOf(draftPath, draft), headerOf(targetPath, target));

/** Details of the refusal of two models. */
const refusal = (
  draft: Readonly<Record<string, MetadataValue>>,
  target: Readonly<Record<string, MetadataValue>>,
): EngineError => thrown('VOCABULARY_DIFFERS', () => check(draft, target));

/** The tokens, with others in their places. */
const changed = (names: Readonly<Record<number, string>>): readonly string[] =>
  tokens.map((name, id) => names[id] ?? name);

test('models with the same tokens are the same, whatever else their metadata say', () => {
  check(own.metadata, own.metadata);
  check({ ...own.metadata, 'tokenizer.ggml.pre': str('llama-bpe') }, own.metadata);
  check(without, without);
});

test('one may have more tokens than the other', () => {
  const padded = withTokens([...tokens, '[PAD1]', '[PAD2]']);
  check(own.metadata, padded);
  check(padded, own.metadata);
});

test('the first token that is another is named as it is in both', () => {
  const error = refusal(withTokens(changed({ 70: 'draft', 200: 'later' })), own.metadata);
  const [drafted, wanted] = ['draft', tokens[70]];
  assert.deepEqual(error.details, { draft: draftPath, target: targetPath, token: 70, drafted, wanted });
  assert.match(error.message, /draft\.gguf cannot draft for .*target\.gguf: token 70 is "draft" in one and "F" in/);

  const last = refusal(own.metadata, withTokens([...changed({ [tokens.length - 1]: 'target' }), 'more']));
  assert.deepEqual(last.details, {
    draft: draftPath,
    target: targetPath,
    token: tokens.length - 1,
    drafted: tokens.at(-1),
    wanted: 'target',
  });
});

test('names that differ in a space, a case or an accent are others', () => {
  for (const [drafted, wanted] of [
    ['a', ' a'],
    ['a', 'A'],
    ['é', 'e\u0301'],
    ['', 'a'],
  ] as const) {
    const { details } = refusal(withTokens([drafted, 'b']), withTokens([wanted, 'b']));
    assert.deepEqual(details, { draft: draftPath, target: targetPath, token: 0, drafted, wanted });
  }
});

test('a model without a tokenizer has other tokens than one with', () => {
  const [draft, target] = [refusal(without, own.metadata), refusal(own.metadata, without)];
  const files = { draft: draftPath, target: targetPath };
  assert.deepEqual(draft.details, { ...files, token: 0, drafted: undefined, wanted: tokens[0] });
  assert.deepEqual(target.details, { ...files, token: 0, drafted: tokens[0], wanted: undefined });
  assert.match(draft.message, /token 0 is missing in one and "Ā" in the other/);
});
