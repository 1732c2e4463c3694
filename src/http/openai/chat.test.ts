import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { dataOf, post, type Served, served } from '../../../test/support/served.ts';
import type { TokenLogprob } from '../../worker/backend.ts';

const path = '/v1/chat/completions';
const hi = { model: 'tiny:q4_1', messages: [{ role: 'user', content: 'Hi' }] };

/** Nothing here was made before. */
const began = Date.now();

interface Chunk {
  readonly id: string;
  readonly created: number;
  readonly timings?: Readonly<Record<string, number>>;
  readonly choices: readonly { readonly index: number; readonly delta: { readonly content?: string | null } }[];
}

/** The chunks of a stream, which must end with [DONE], without what all share; that is checked here. */
async function chunksOf(response: Response): Promise<readonly object[]> {
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const data = dataOf(await response.text());
  assert.equal(data.at(-1), '[DONE]');
  const chunks = data.slice(0, -1).map((json) => JSON.parse(json) as Chunk);
  const [first] = chunks;
  assert.match(first?.id ?? '', /^chatcmpl-[0-9a-f]{32}$/);
  const created = first?.created ?? 0;
  assert.ok(Math.floor(began / 1000) <= created && created <= Date.now() / 1000);
  return chunks.map((chunk) => {
    const { id, created, timings: _, ...rest } = chunk;
    assert.deepEqual([id, created], [first?.id, first?.created]);
    return rest;
  });
}

const shared = {
  object: 'chat.completion.chunk',
  model: 'tiny:q4_1',
  system_fingerprint: 'fp_0a0a0a0a0a0a',
};
const chunk = (delta: object, finish_reason: string | null = null, index = 0): object => ({
  ...shared,
  choices: [{ index, delta, logprobs: null, finish_reason }],
});

test('a whole answer has the text, the reason it ended and the usage', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hello', ', ', 'world'], ending: { cachedTokens: 2 } };
  const response = await post(server, path, hi);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/json');
  const { id, created, timings, ...rest } = (await response.json()) as Chunk;
  assert.match(id, /^chatcmpl-/);
  assert.ok(Number.isInteger(created));
  assert.deepEqual([timings?.['cache_n'], timings?.['prompt_n'], timings?.['predicted_n']], [2, 3, 3]);
  assert.deepEqual(rest, {
    object: 'chat.completion',
    model: 'tiny:q4_1',
    system_fingerprint: 'fp_0a0a0a0a0a0a',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: 'Hello, world', refusal: null },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { prompt_tokens: 5, completion_tokens: 3, total_tokens: 8, prompt_tokens_details: { cached_tokens: 2 } },
  });
});

test('thoughts have a member of their own', async () => {
  const server = served();
  server.backend.script = {
    deltas: [
      { text: '', thinking: 'Hm.', logprobs: [] },
      { text: 'Yes.', logprobs: [] },
    ],
  };
  const whole = (await (await post(server, path, hi)).json()) as { choices: readonly { message: object }[] };
  const message = { role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.', refusal: null };
  assert.deepEqual(whole.choices[0]?.message, message);
  assert.deepEqual(await chunksOf(await post(server, path, { ...hi, stream: true })), [
    chunk({ role: 'assistant', content: null }),
    chunk({ reasoning_content: 'Hm.' }),
    chunk({ content: 'Yes.' }),
    chunk({}, 'stop'),
  ]);
});

test('a stream opens with the role, brings the text, and closes with the reason', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hel', '', 'lo'], ending: { reason: 'length' } };
  assert.deepEqual(await chunksOf(await post(server, path, { ...hi, stream: true })), [
    chunk({ role: 'assistant', content: null }),
    chunk({ content: 'Hel' }),
    chunk({ content: 'lo' }),
    chunk({}, 'length'),
  ]);
});

test('the usage comes in a last chunk without choices if it is asked for, and is null until then', async () => {
  const server = served();
  server.backend.script = { deltas: ['a'] };
  const body = { ...hi, stream: true, stream_options: { include_usage: true } };
  const usage = {
    prompt_tokens: 5,
    completion_tokens: 1,
    total_tokens: 6,
    prompt_tokens_details: { cached_tokens: 0 },
  };
  assert.deepEqual(await chunksOf(await post(server, path, body)), [
    { ...chunk({ role: 'assistant', content: null }), usage: null },
    { ...chunk({ content: 'a' }), usage: null },
    { ...chunk({}, 'stop'), usage: null },
    { ...shared, choices: [], usage },
  ]);
});

test("the times of an answer stand in a stream's last object, and in each part where they are asked for", async () => {
  const server = served();
  const times = async (body: object): Promise<readonly (number | undefined)[]> => {
    server.backend.script = { deltas: ['a', 'b'] };
    const response = await post(server, path, { ...hi, stream: true, ...body });
    const chunks = dataOf(await response.text()).slice(0, -1);
    return chunks.map((data) => (JSON.parse(data) as Chunk).timings?.['predicted_n']);
  };
  assert.deepEqual(await times({}), [undefined, undefined, undefined, 2]);
  assert.deepEqual(await times({ timings_per_token: true }), [undefined, 1, 2, 2]);
  const usage = { stream_options: { include_usage: true } };
  assert.deepEqual(await times(usage), [undefined, undefined, undefined, undefined, 2]);
});

test("llama-server's own form comes where it is asked for, with the prompt that the model saw", async () => {
  const server = served();
  const asked = async (verbose: boolean): Promise<{ __verbose?: { prompt: string; content: string } }> =>
    (await post(server, path, { ...hi, verbose })).json() as Promise<{
      __verbose?: { prompt: string; content: string };
    }>;
  const { __verbose } = await asked(true);
  assert.deepEqual([__verbose?.prompt, __verbose?.content], ['<|user|>Hi', 'Hello, world']);
  assert.equal('__verbose' in (await asked(false)), false);
  server.backend.script = { deltas: ['a\n', 'b'] };
  const events = dataOf(await (await post(server, path, { ...hi, stream: true, verbose: true })).text());
  assert.equal(JSON.parse(events.at(-2) ?? '').__verbose.has_new_line, true);
});

test('a bias by a text counts for each of its tokens', async () => {
  const server = served();
  await post(server, path, { ...hi, logit_bias: { 5: 1, ab: -2 } });
  assert.deepEqual(server.backend.received.request.logitBias, { 5: 1, 97: -2, 98: -2 });
});

test('several answers come side by side, each with its index; the prompt counts once', async () => {
  const server = served();
  server.backend.script = ({ sampling }) => ({ deltas: [`seed ${sampling.seed}`], pause: 2 });
  const response = await post(server, path, { ...hi, n: 3, seed: 7 });
  const body = (await response.json()) as { choices: { index: number; message: { content: string } }[]; usage: object };
  assert.deepEqual(
    body.choices.map(({ index, message }) => [index, message.content]),
    [
      [0, 'seed 7'],
      [1, 'seed 8'],
      [2, 'seed 9'],
    ],
  );
  assert.deepEqual(body.usage, {
    prompt_tokens: 5,
    completion_tokens: 3,
    total_tokens: 8,
    prompt_tokens_details: { cached_tokens: 0 },
  });
});

test('a stream of several answers mixes them, and every chunk arrives whole', async () => {
  const server = served();
  server.backend.script = { deltas: ['a', 'b', 'c'], pause: 2 };
  const chunks = (await chunksOf(await post(server, path, { ...hi, n: 2, stream: true }))) as Chunk[];
  for (const index of [0, 1]) {
    const own = chunks.flatMap(({ choices }) => choices).filter((choice) => choice.index === index);
    assert.equal(own.map(({ delta }) => delta.content ?? '').join(''), 'abc');
    assert.equal(own.length, 5);
  }
});

const token = (text: string, logprob: number): Omit<TokenLogprob, 'top'> => ({
  token: 1,
  text,
  bytes: [...Buffer.from(text)],
  logprob,
});

test('log-probabilities stand beside the text they belong to; what cannot be is -9999', async () => {
  const server = served();
  const logprobs = [{ ...token('a', -0.5), top: [token('a', -0.5), token('b', Number.NEGATIVE_INFINITY)] }];
  server.backend.script = { deltas: [{ text: 'a', logprobs }] };
  const asked = { ...hi, logprobs: true, top_logprobs: 2 };
  const expected = {
    content: [
      {
        token: 'a',
        logprob: -0.5,
        bytes: [97],
        top_logprobs: [
          { token: 'a', logprob: -0.5, bytes: [97] },
          { token: 'b', logprob: -9999, bytes: [98] },
        ],
      },
    ],
    refusal: null,
  };
  const whole = (await (await post(server, path, asked)).json()) as { choices: { logprobs: object }[] };
  assert.deepEqual(whole.choices[0]?.logprobs, expected);
  const chunks = (await chunksOf(await post(server, path, { ...asked, stream: true }))) as (typeof whole)[];
  assert.deepEqual(
    chunks.map(({ choices }) => choices[0]?.logprobs),
    [null, expected, null],
  );
});

const expectError = async (server: Served, response: Response, status: number, error: object): Promise<void> => {
  assert.equal(response.status, status);
  assert.deepEqual(await response.json(), { error });
  assert.equal(server.backend.requests.length, 0);
};

test('an unknown model is 404', async () => {
  const server = served();
  await expectError(server, await post(server, path, { ...hi, model: 'gpt-4o' }), 404, {
    message: "model 'gpt-4o' not found; the server has tiny:q4_1",
    type: 'not_found_error',
    param: 'model',
    code: 'model_not_found',
  });
});

test('a model without a template does not chat', async () => {
  const server = served({}, new FakeBackend(servedModel({ chats: false })));
  await expectError(server, await post(server, path, hi), 400, {
    message: '"tiny:q4_1" does not support chat',
    type: 'invalid_request_error',
    param: 'model',
    code: 'not_supported',
  });
});

test('progress through the prompt is brought where it is asked for, and is a comment else', async () => {
  const server = served();
  const progress = { tokens: 3, total: 5, cached: 2, seconds: 0.25 };
  server.backend.script = { deltas: [{ text: '', logprobs: [], progress }, 'Hi'] };
  const chunks = await chunksOf(await post(server, path, { ...hi, stream: true, return_progress: true }));
  const told = { total: 5, cache: 2, processed: 3, time_ms: 250 };
  assert.deepEqual(chunks[0], { ...shared, choices: [], prompt_progress: told });
  assert.deepEqual(chunks[1], chunk({ role: 'assistant', content: null }));
  const others = await chunksOf(await post(server, path, { ...hi, stream: true }));
  assert.deepEqual(others, chunks.slice(1));
  assert.equal(server.backend.received.request.progress, true);
});
