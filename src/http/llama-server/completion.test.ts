import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { dataOf, post, served } from '../../../test/support/served.ts';
import { EngineError } from '../../base/errors.ts';
import type { RunningEngine } from '../../worker/server-status.ts';

const hi = { prompt: 'Hi' };

interface Part {
  readonly content: string;
  readonly stop: boolean;
  readonly stop_type?: string;
  readonly stopping_word?: string;
  readonly tokens: readonly number[];
  readonly timings?: Readonly<Record<string, number>>;
  readonly [member: string]: unknown;
}

test('a completion has its text, the reason it ended, and its times', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hel', 'lo\n'], ending: { reason: 'length', cachedTokens: 2 } };
  const response = await post(server, '/completion', { ...hi, n_predict: 2, temperature: 0 });
  assert.equal(response.status, 200);
  const { timings, ...rest } = (await response.json()) as Part;
  assert.deepEqual(
    [rest.content, rest.stop, rest.stop_type, rest.tokens, rest['truncated'], rest['has_new_line'], rest['prompt']],
    ['Hello\n', true, 'limit', [], false, true, 'Hi'],
  );
  assert.deepEqual([timings?.['cache_n'], timings?.['prompt_n'], timings?.['predicted_n']], [2, 3, 2]);
  const { prompt, maxTokens, sampling } = server.backend.received.request;
  assert.deepEqual(prompt, { kind: 'text', text: 'Hi', special: true });
  assert.deepEqual([maxTokens, sampling.temperature, sampling.topP], [2, 0, 0.95]);
});

test('a stream has a part for each delta and ends with the figures', async () => {
  const server = served();
  const progress = { tokens: 3, total: 5, cached: 2, seconds: 0 };
  server.backend.script = {
    deltas: [{ text: '', logprobs: [], progress }, 'a', 'b'],
    ending: { stopText: 'END' },
  };
  const stream = { ...hi, stream: true, return_progress: true };
  const response = await post(server, '/completion', stream);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const [first, ...parts] = dataOf(await response.text()).map((data) => JSON.parse(data) as Part);
  assert.deepEqual(first?.['prompt_progress'], { total: 5, cache: 2, processed: 3, time_ms: 0 });
  assert.deepEqual(
    parts.map(({ content, stop }) => [content, stop]),
    [
      ['a', false],
      ['b', false],
      ['', true],
    ],
  );
  assert.deepEqual([parts.at(-1)?.stop_type, parts.at(-1)?.stopping_word], ['word', 'END']);
});

test('of a stream nothing is kept, however much room the whole of it would take', async () => {
  const server = served();
  server.backend.script = { deltas: ['a\n', ...Array.from({ length: 17 }, () => 'b'.repeat(2 ** 20))] };
  const response = await post(server, '/completion', { ...hi, stream: true });
  const end = JSON.parse(dataOf(await response.text()).at(-1) ?? '') as Part;
  assert.deepEqual([end.stop, end['has_new_line']], [true, true]);
});

test('tokens and their probabilities come where they are asked for', async () => {
  const server = served();
  const token = { token: 7, text: 'a', bytes: [97], logprob: -0.5 };
  const deltas = [{ text: 'a', logprobs: [{ ...token, top: [token] }], token: 7, answerTokens: 1 }];
  server.backend.script = { deltas, ending: { tokens: [1, 2, 3, 4, 5, 7] } };
  const asked = async (body: object): Promise<Part> =>
    (await (await post(server, '/completion', { ...hi, return_tokens: true, n_probs: 1, ...body })).json()) as Part;
  const { tokens, completion_probabilities } = await asked({});
  assert.deepEqual(tokens, [7]);
  const entry = { id: 7, token: 'a', bytes: [97], logprob: -0.5 };
  assert.deepEqual(completion_probabilities, [{ ...entry, top_logprobs: [entry] }]);
  const { completion_probabilities: after } = await asked({ post_sampling_probs: true });
  assert.equal(server.backend.received.request.afterSampling, true);
  const drawn = { id: 7, token: 'a', bytes: [97], prob: Math.exp(-0.5) };
  assert.deepEqual(after, [{ ...drawn, top_probs: [drawn] }]);
});

test('each part of a stream has its token', async () => {
  const server = served();
  server.backend.script = { deltas: ['a', 'b'] };
  const parts = dataOf(await (await post(server, '/completion', { ...hi, stream: true })).text());
  const tokens = parts.map((data) => JSON.parse(data) as Part).map((part) => [part.tokens, part['tokens_predicted']]);
  assert.deepEqual(tokens, [
    [[1], 1],
    [[2], 2],
    [[], 2],
  ]);
});

test('several prompts, or several answers to one, come as a list', async () => {
  const server = served();
  server.backend.script = ({ prompt }) => ({ deltas: [prompt.kind] });
  const asked = async (body: object): Promise<readonly Part[]> =>
    (await (await post(server, '/completion', body)).json()) as readonly Part[];
  const kinds = (parts: readonly Part[]): readonly unknown[] => parts.map(({ content, index }) => [content, index]);
  assert.deepEqual(kinds(await asked({ prompt: [{ prompt_string: 'a' }, [1, 2], [65, 'b']] })), [
    ['text', 0],
    ['tokens', 1],
    ['tokens', 2],
  ]);
  assert.deepEqual(server.backend.received.request.prompt, { kind: 'tokens', tokens: [65, 98] });
  assert.deepEqual(kinds(await asked({ ...hi, n_cmpl: 2 })), [
    ['text', 0],
    ['text', 1],
  ]);
});

test('an answer has the members that are asked for, each under its path', async () => {
  const response_fields = ['content', 'generation_settings/n_predict', 'timings/none', 'constructor'];
  const response = await post(served(), '/completion', { ...hi, n_predict: 8, response_fields });
  assert.deepEqual(await response.json(), { content: 'Hello, world', 'generation_settings/n_predict': 8 });
});

test('the settings tell which tokens are preferred or forbidden', async () => {
  const server = served({}, new FakeBackend(servedModel({ metadata: { 'tokenizer.ggml.eos_token_id': 2 } })));
  const biasOf = async (body: object): Promise<unknown> => {
    const { generation_settings } = (await (await post(server, '/completion', { ...hi, ...body })).json()) as Part;
    return (generation_settings as { logit_bias: unknown }).logit_bias;
  };
  assert.deepEqual(await biasOf({}), []);
  assert.deepEqual(await biasOf({ ignore_eos: true }), [{ bias: null, token: 2 }]);
  const logit_bias = [
    [7, 1.5],
    ['a', false],
  ];
  assert.deepEqual(await biasOf({ logit_bias }), [
    { bias: 1.5, token: 7 },
    { bias: null, token: 97 },
  ]);
  assert.equal(server.backend.received.request.logitBias?.[97], Number.NEGATIVE_INFINITY);
});

test('an answer that the context has ended is truncated; one that has all tokens that were wanted is not', async () => {
  const server = served();
  for (const [body, truncated] of [
    [{}, true],
    [{ n_predict: 3 }, false],
  ] as const) {
    server.backend.script = { deltas: ['a', 'b', 'c'], ending: { reason: 'length' } };
    const answer = (await (await post(server, '/completion', { ...hi, ...body })).json()) as Part;
    assert.equal(answer['truncated'], truncated);
  }
});

test('a text is filled in between two others', async () => {
  const server = served();
  const files = [{ filename: 'a.h', text: 'int a;' }];
  const asked = { input_prefix: 'f(', prompt: 'x', input_suffix: ')', input_extra: files };
  assert.equal((await post(server, '/infill', asked)).status, 200);
  const infill = { kind: 'infill', prefix: 'f(x', suffix: ')', files: [{ name: 'a.h', text: 'int a;' }] };
  assert.deepEqual(server.backend.received.request.prompt, infill);
  for (const input_extra of [{}, { filename: 'ok' }, { filename: 1, text: 'a' }]) {
    assert.equal((await post(server, '/infill', { ...asked, input_extra: [input_extra] })).status, 400);
  }
  server.backend.script = { deltas: [], refusal: new EngineError('NO_INFILL', { file: 'tiny.gguf' }) };
  const refused = await post(server, '/infill', asked);
  assert.equal(refused.status, 400);
  assert.match(await refused.text(), /does not support insert/);
});

test("a suffix fills in at OpenAI's completions and at Ollama's generate as well", async () => {
  const server = served();
  for (const path of ['/v1/completions', '/api/generate']) {
    const response = await post(server, path, { prompt: 'def f(', suffix: 'return x' });
    assert.equal(response.status, 200, path);
    await response.text();
    const expected = { kind: 'infill', prefix: 'def f(', suffix: 'return x' };
    assert.deepEqual(server.backend.received.request.prompt, expected, path);
  }
});

test('the properties and the places of a model are told', async () => {
  const backend = new FakeBackend();
  const server = served({}, backend);
  const asked = async (path: string): Promise<Part> => (await (await server.app.request(path)).json()) as Part;
  const [model] = backend.served;
  assert.ok(model);
  const place = { n_ctx: 2048, speculative: false, is_processing: false };
  assert.deepEqual(
    [(await asked('/props'))['total_slots'], await asked('/slots')],
    [
      2,
      [
        { id: 0, ...place },
        { id: 1, ...place },
      ],
    ],
  );
  backend.running.push({ model, expires: undefined, memory: 1, gpuMemory: 0, context: 512, parallel: 1, active: 1 });
  const props = await asked('/props');
  const settings = props['default_generation_settings'] as { n_ctx: number; params: Record<string, unknown> };
  assert.deepEqual(
    [props['total_slots'], settings.n_ctx, settings.params['top_p'], props['chat_template']],
    [1, 512, 0.95, model.template],
  );
  assert.match(props['model_path'] as string, /\.gguf$/);
  const { name, size, family, quantization } = model;
  const text = { state: 'answer', prompt_tokens: 9, prompt_done: 9, cached_tokens: 4, answer_tokens: 3, seconds: 1 };
  const engine = { model: { name, size, family, quantization }, plan: { ahead: 2 }, sequences: [text] };
  backend.engine = engine as unknown as RunningEngine;
  assert.deepEqual(await asked('/slots'), [
    {
      ...{ id: 0, n_ctx: 512, speculative: true, is_processing: true },
      ...{ n_prompt_tokens: 9, n_prompt_tokens_processed: 5, n_prompt_tokens_cache: 4 },
      next_token: [{ has_next_token: true, n_decoded: 3 }],
    },
  ]);
});
