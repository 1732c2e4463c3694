import assert from 'node:assert/strict';
import test from 'node:test';
import { dataOf, post, served } from '../../../test/support/served.ts';
import type { TokenLogprob } from '../../worker/backend.ts';

const path = '/v1/completions';
const once = { model: 'tiny:q4_1', prompt: 'Once' };

interface Completion {
  readonly id: string;
  readonly created: number;
  readonly timings?: object;
  readonly choices: readonly { readonly text: string; readonly index: number; readonly logprobs: object | null }[];
}

test('a completion is the text that follows', async () => {
  const server = served();
  server.backend.script = { deltas: [' upon', ' a time'], ending: { reason: 'length' } };
  const { id, created, timings: _, ...rest } = (await (await post(server, path, once)).json()) as Completion;
  assert.match(id, /^cmpl-/);
  assert.ok(Number.isInteger(created));
  assert.deepEqual(rest, {
    object: 'text_completion',
    model: 'tiny:q4_1',
    system_fingerprint: 'fp_0a0a0a0a0a0a',
    choices: [{ text: ' upon a time', index: 0, logprobs: null, finish_reason: 'length' }],
    usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7, prompt_tokens_details: { cached_tokens: 0 } },
  });
  assert.deepEqual(server.backend.received.request.prompt, { kind: 'text', text: 'Once', special: true });
});

test('a streamed completion brings the same text piece by piece', async () => {
  const server = served();
  server.backend.script = { deltas: [' upon', ' a time'] };
  const body = { ...once, stream: true, stream_options: { include_usage: true } };
  const data = dataOf(await (await post(server, path, body)).text());
  assert.equal(data.at(-1), '[DONE]');
  const chunks = data.slice(0, -1).map((json) => JSON.parse(json) as Completion & { object: string; usage: object });
  assert.deepEqual([...new Set(chunks.map(({ object }) => object))], ['text_completion']);
  assert.deepEqual(
    chunks.map(({ choices, usage }) => [choices, usage === null]),
    [
      [[{ text: ' upon', index: 0, logprobs: null, finish_reason: null }], true],
      [[{ text: ' a time', index: 0, logprobs: null, finish_reason: null }], true],
      [[{ text: '', index: 0, logprobs: null, finish_reason: 'stop' }], true],
      [[], false],
    ],
  );
});

test('each of several prompts has its answers one after the other, and echo puts the prompt first', async () => {
  const server = served();
  server.backend.script = { deltas: ['!'] };
  const texts = async (given: object): Promise<readonly string[]> => {
    const { choices } = (await (await post(server, path, { ...once, ...given })).json()) as Completion;
    assert.deepEqual(
      choices.map(({ index }) => index),
      choices.map((_, k) => k),
    );
    return choices.map(({ text }) => text);
  };
  assert.deepEqual(await texts({ prompt: ['a', 'b'], n: 2, echo: true }), ['a!', 'a!', 'b!', 'b!']);
  assert.deepEqual(await texts({ prompt: [[72, 105], [65]], echo: true }), ['Hi!', 'A!']);
  assert.deepEqual(await texts({ prompt: ['a', 'b'] }), ['!', '!']);
});

test('an echo streams before the answer', async () => {
  const server = served();
  server.backend.script = { deltas: ['!'] };
  const data = dataOf(await (await post(server, path, { ...once, echo: true, stream: true })).text());
  const text = data.slice(0, -1).map((json) => (JSON.parse(json) as Completion).choices[0]?.text);
  assert.deepEqual(text, ['Once', '!', '']);
});

test('usage counts each prompt once and every answer', async () => {
  const server = served();
  const { usage } = (await (await post(server, path, { ...once, prompt: ['a', 'b'], n: 2 })).json()) as {
    usage: object;
  };
  assert.deepEqual(usage, {
    prompt_tokens: 10,
    completion_tokens: 12,
    total_tokens: 22,
    prompt_tokens_details: { cached_tokens: 0 },
  });
});

test('log-probabilities are lists side by side, with offsets into the answer', async () => {
  const server = served();
  const token = (text: string, logprob: number): TokenLogprob => {
    const own = { token: 1, text, bytes: [...Buffer.from(text)], logprob };
    return { ...own, top: [own] };
  };
  server.backend.script = {
    deltas: [
      { text: ' up', logprobs: [token(' up', -1)] },
      { text: 'on!', logprobs: [token('on', -2), token('!', Number.NEGATIVE_INFINITY)] },
    ],
  };
  const whole = (await (await post(server, path, { ...once, logprobs: 1 })).json()) as Completion;
  assert.deepEqual(whole.choices[0]?.logprobs, {
    tokens: [' up', 'on', '!'],
    token_logprobs: [-1, -2, -9999],
    top_logprobs: [{ ' up': -1 }, { on: -2 }, { '!': -9999 }],
    text_offset: [0, 3, 5],
  });
  const data = dataOf(await (await post(server, path, { ...once, logprobs: 1, stream: true })).text());
  const second = (JSON.parse(data[1] ?? '') as Completion).choices[0]?.logprobs;
  assert.deepEqual(second, {
    tokens: ['on', '!'],
    token_logprobs: [-2, -9999],
    top_logprobs: [{ on: -2 }, { '!': -9999 }],
    text_offset: [3, 5],
  });
});
