import assert from 'node:assert/strict';
import test from 'node:test';
import { post, served } from '../../../test/support/served.ts';

test('an option of peers that is not there yet is refused by name where it asks for something', async () => {
  const server = served();
  for (const [path, body] of [
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }],
    ['/v1/completions', { prompt: 'Hi' }],
    ['/v1/responses', { input: 'Hi' }],
    ['/v1/messages', { messages: [{ role: 'user', content: 'Hi' }] }],
  ] as const) {
    assert.equal((await post(server, path, { ...body, tfs_z: 1, samplers: [] })).status, 200, path);
    const response = await post(server, path, { ...body, tfs_z: 0.5 });
    assert.equal(response.status, 400, path);
    assert.match(await response.text(), /tfs_z: not supported yet/);
  }
});

/** Fields with a value that asks for something, and one that is the same as none. */
const wishes = {
  min_tokens: [5, 0],
  stop_token_ids: [[2], []],
  include_stop_str_in_output: [true, false],
  skip_special_tokens: [false, true],
  truncate_prompt_tokens: [9, null],
  prompt_logprobs: [0, null],
  allowed_token_ids: [[1], []],
  bad_words: [['no'], []],
  length_penalty: [2, 1],
  use_beam_search: [true, false],
  t_max_predict_ms: [100, -1],
  n_keep: [4, -1],
  best_of: [3, 1],
} as const;
const wishesInChats = {
  reasoning_format: ['none', 'auto'],
  include_reasoning: [false, true],
  parse_tool_calls: [false, true],
  chat_template: ['{{ messages }}', ''],
  documents: [[{ text: 'x' }], []],
} as const;

test("wishes of peers' clients are refused by name at OpenAI's endpoints, their defaults are nothing to warn of", async () => {
  const server = served();
  for (const [path, body, fields] of [
    ['/v1/completions', { prompt: 'Hi' }, wishes],
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }, { ...wishes, ...wishesInChats }],
  ] as const) {
    for (const [field, [asked, none]] of Object.entries(fields)) {
      const refused = await post(server, path, { ...body, [field]: asked });
      const { error } = (await refused.json()) as { error?: { param: string; code: string } };
      assert.deepEqual([refused.status, error?.param, error?.code], [400, field, 'not_supported'], `${path} ${field}`);
      const accepted = await post(server, path, { ...body, [field]: none });
      assert.deepEqual([accepted.status, accepted.headers.get('warning')], [200, null], `${path} ${field}`);
    }
  }
});
