import assert from 'node:assert/strict';
import test from 'node:test';
import { writeChatModel } from '../../test/support/chat-model.ts';
import { engineError } from '../../test/support/engine-error.ts';
import { openTestModel } from '../../test/support/open-model.ts';
import { tempFolder } from '../../test/support/temp-folder.ts';
import { requestPrompt } from './request-tokens.ts';

const names = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>', '<|repo_name|>', '<|file_sep|>'];
const request = {
  prompt: { kind: 'infill', prefix: 'f(<|fim_middle|>', suffix: ')', files: [{ name: 'a.h', text: 'int a;' }] },
  sampling: {},
  stop: [],
} as const;

test('a model with tokens for filling in answers behind them, which no text around it can forge', async () => {
  using folder = tempFolder();
  await using model = openTestModel(writeChatModel(folder.file('code.gguf'), {}, names), 2 ** 26, { context: 256 });
  const { tokens } = requestPrompt(model, request, 256);
  const { vocabulary } = model;
  const ids = names.map((name) => vocabulary.tokenize(name, { addSpecial: false, parseSpecial: true }));
  assert.ok(
    ids.every(({ length }) => length === 1),
    'each name is one token',
  );
  const [prefix, suffix, middle, repository, separator] = ids.flat();
  const found = tokens.filter((token) => ids.flat().includes(token));
  assert.deepEqual(found, [repository, separator, separator, prefix, suffix, middle]);
  const text = Buffer.from(vocabulary.bytes(tokens, { special: true })).toString();
  assert.ok(text.endsWith('<|fim_prefix|>f(<|fim_middle|><|fim_suffix|>)<|fim_middle|>'), text);
  const generation = model.generate(tokens, { maxTokens: 4 });
  for await (const _ of generation);
  assert.equal(generation.answerTokens, 4);
});

test('a model without such tokens fills nothing in', async () => {
  using folder = tempFolder();
  await using model = openTestModel(writeChatModel(folder.file('chat.gguf')), 2 ** 26, { context: 256 });
  assert.throws(() => requestPrompt(model, request, 256), engineError('NO_INFILL'));
});
