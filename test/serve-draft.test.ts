import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import test from 'node:test';
import { synthesize } from '../bench/synthesize.ts';
import { tinyBytePair, tinySentencePiece } from '../bench/tiny-vocabulary.ts';
import { writeLoopingModel } from './support/chat-model.ts';
import { metric, modest, postTo, serve } from './support/server.ts';
import { Teller } from './support/teller.ts';
import { sharedPath, tempFolder } from './support/temp-folder.ts';

const model = writeLoopingModel(sharedPath('looping.gguf'));
const drafting = ['--draft-model', model, '--draft-ahead', '4', '--no-adaptive-draft'];

interface Answer {
  readonly response: string;
}

test('four clients at once get the answers that they would get alone, a draft model drafting for all of them', async () => {
  await using server = await serve([model, ...modest, '--parallel', '4', ...drafting]);
  const prompts = ['Why is the sky blue?', 'Count to ten.', 'Name a river.', 'Once upon a time'];
  const answers = prompts.map(async (prompt) => {
    const options = { num_predict: 16, temperature: 0 };
    const reply = await postTo(server, '/api/generate', {
      model: 'looping',
      prompt,
      stream: false,
      raw: true,
      options,
    });
    return ((await reply.json()) as Answer).response;
  });
  await using teller = new Teller(model);
  for (const [i, text] of (await Promise.all(answers)).entries()) {
    assert.equal(text, await teller.text(prompts[i] ?? '', { maxTokens: 16 }));
  }
  const [drafted, accepted, passes] = await Promise.all(
    ['tokens_drafted_total', 'tokens_accepted_total', 'passes_total'].map((name) => metric(server, name)),
  );
  // The best draft model for a model is itself: each pass yields up to five tokens.
  assert.ok(drafted && accepted === drafted, `${accepted} of ${drafted}`);
  assert.ok(passes && passes <= 4 + 4 * 3, `${passes} passes`);
});

test('of the models of a folder, one that settings do not suit does without them, and that is said', async () => {
  using folder = tempFolder();
  copyFileSync(model, folder.file('same.gguf'));
  const shape = { layers: 1, width: 64, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 400, context: 256 };
  synthesize(folder.file('other.gguf'), { ...shape, heads: 2, tokenizer: tinySentencePiece }, { type: 'q8_0' });
  const tokenizer = (tokens: number): ReturnType<typeof tinyBytePair> => tinyBytePair('gpt-2', [], tokens);
  synthesize(folder.file('narrow.gguf'), { ...shape, tokenizer }, { type: 'q8_0' });
  await using server = await serve([
    '--models',
    folder.path,
    ...modest,
    '--ctx',
    '128',
    '--kv-type',
    'q8_0',
    ...drafting,
  ]);
  const ask = async (name: string): Promise<number> => {
    const options = { num_predict: 8, temperature: 0 };
    const reply = await postTo(server, '/api/generate', {
      model: name,
      prompt: 'abc',
      stream: false,
      raw: true,
      options,
    });
    await reply.text();
    return reply.status;
  };
  assert.equal(await ask('other'), 200);
  assert.equal(await metric(server, 'tokens_drafted_total'), 0);
  assert.match(server.said(), /cannot draft for .*other\.gguf: token 0 is .* in one and .* in the other/);
  assert.equal(await ask('narrow'), 200);
  assert.match(server.said(), /cannot be stored as q8_0: the heads of this model have 16 elements/);
  assert.equal(await ask('same'), 200);
  assert.ok((await metric(server, 'tokens_drafted_total')) > 0);
});
