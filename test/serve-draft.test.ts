import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import test from 'node:test';
import { synthesize } from '../bench/synthesize.ts';
import { tinyBytePair } from '../bench/tiny-vocabulary.ts';
import { writeBatchModel } from './support/batch-model.ts';
import { metric, modest, post, ran, serve } from './support/server.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

const model = await smollm2();
const drafting = ['--draft-model', model, '--draft-ahead', '4', '--no-adaptive-draft'];

interface Answer {
  readonly response: string;
}

test('four clients at once get the answers that they would get alone, a draft model guessing for all of them', async () => {
  await using server = await serve([model, ...modest, '--parallel', '4', ...drafting]);
  const prompts = ['Why is the sky blue?', 'Count to ten.', 'Name a river.', 'Once upon a time'];
  const answers = prompts.map(async (prompt) => {
    const options = { num_predict: 16, temperature: 0 };
    const name = 'smollm2-135m-instruct:q4_1';
    const reply = await post(server, '/api/generate', { model: name, prompt, stream: false, raw: true, options });
    return ((await reply.json()) as Answer).response;
  });
  for (const [i, text] of (await Promise.all(answers)).entries()) {
    assert.equal(text, await ran(model, '--prompt', prompts[i] ?? '', '--raw', '-n', '16', '--temperature', '0'));
  }
  const [drafted, accepted, passes] = await Promise.all(
    ['tokens_drafted_total', 'tokens_accepted_total', 'passes_total'].map((name) => metric(server, name)),
  );
  assert.ok(accepted && drafted && accepted > 0.8 * drafted, `${accepted} of ${drafted}`);
  assert.ok(passes && passes < 4 + 4 * 5, `${passes} passes`);
});

test('of the models of a folder, one that settings do not suit does without them, and that is said', async () => {
  using folder = tempFolder();
  copyFileSync(model, folder.file('same.gguf'));
  writeBatchModel(folder.file('other.gguf'));
  const shape = { layers: 1, width: 64, heads: 4, kvHeads: 2, feedForward: 64, vocabulary: 400, context: 256 };
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
    const reply = await post(server, '/api/generate', {
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
