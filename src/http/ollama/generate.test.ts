import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, FakeLog, servedModel } from '../../../test/support/fake-backend.ts';
import { post, served } from '../../../test/support/served.ts';
import type { Delta, GenerationRequest } from '../../worker/backend.ts';
import { ollamaRoutes } from './routes.ts';

const generate = (backend: FakeBackend, body: object, log = new FakeLog()): Response | Promise<Response> =>
  ollamaRoutes(backend, log).request('/api/generate', {
    method: 'POST',
    body: JSON.stringify({ model: 'tiny:q4_1', ...body }),
  });

const linesOf = async (response: Response): Promise<Record<string, unknown>[]> => {
  const text = await response.text();
  assert.match(text, /^(?:[^\n]+\n)+$/, 'no blank lines, and each line has its end');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
};

const requestOf = async (body: object, backend = new FakeBackend()): Promise<GenerationRequest> => {
  const response = await generate(backend, { prompt: 'Hi', ...body });
  assert.equal(response.status, 200);
  await response.text();
  return backend.received.request;
};

const figures = {
  total_duration: 1_000_000_000,
  load_duration: 125_000_000,
  prompt_eval_count: 5,
  prompt_eval_cached_count: 0,
  prompt_eval_duration: 250_000_000,
  eval_count: 3,
  eval_duration: 500_000_000,
};

test('a prompt counts whole, whatever of it was cached, and a duration of loading is never missing', async () => {
  const backend = new FakeBackend();
  backend.script = { deltas: ['a'], ending: { cachedTokens: 4, loadSeconds: 0 } };
  const answer = (await (await generate(backend, { prompt: 'Hi', stream: false })).json()) as Record<string, number>;
  assert.deepEqual([answer['prompt_eval_count'], answer['prompt_eval_cached_count']], [5, 4]);
  assert.equal(answer['load_duration'], 1);
});

const context = [0, 1, 2, 3, 4, 5, 6, 7];

test('an answer is streamed as lines, the last one with its figures', async () => {
  const response = await generate(new FakeBackend(), { prompt: 'Hi' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  const lines = await linesOf(response);
  for (const line of lines) {
    assert.match(String(line['created_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    delete line['created_at'];
  }
  const model = 'tiny:q4_1';
  assert.deepEqual(lines, [
    { model, response: 'Hello', done: false },
    { model, response: ', ', done: false },
    { model, response: 'world', done: false },
    { model, response: '', done: true, done_reason: 'stop', context, ...figures },
  ]);
});

test('unless streamed, it is one object', async () => {
  const response = await generate(new FakeBackend(), { prompt: 'Hi', stream: false });
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const { created_at, ...rest } = (await response.json()) as Record<string, unknown>;
  assert.ok(created_at);
  const answer = { model: 'tiny:q4_1', response: 'Hello, world' };
  assert.deepEqual(rest, { ...answer, done: true, done_reason: 'stop', context, ...figures });
});

test('the model is called as the client called it', async () => {
  const response = await generate(new FakeBackend(), { model: 'Tiny:Q4_1:latest', prompt: 'Hi', stream: false });
  assert.equal(((await response.json()) as { model: string }).model, 'Tiny:Q4_1:latest');
});

test('an answer that was as long as it may be says so', async () => {
  const backend = new FakeBackend();
  backend.script = { deltas: ['some'], ending: { reason: 'length' } };
  const lines = await linesOf(await generate(backend, { prompt: 'Hi' }));
  assert.equal(lines.at(-1)?.['done_reason'], 'length');
});

test('durations are whole nanoseconds', async () => {
  const backend = new FakeBackend();
  backend.script = { deltas: [], ending: { totalSeconds: 0.1234567891234 } };
  const [last] = await linesOf(await generate(backend, { prompt: 'Hi' }));
  assert.equal(last?.['total_duration'], 123_456_789);
});

test('a prompt is a message to a model that chats, and text to another', async () => {
  assert.deepEqual((await requestOf({})).prompt, { kind: 'chat', messages: [{ role: 'user', content: 'Hi' }] });
  assert.deepEqual((await requestOf({ system: 'Be brief.' })).prompt, {
    kind: 'chat',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ],
  });
  const base = (): FakeBackend => new FakeBackend(servedModel({ chats: false, template: '' }));
  assert.deepEqual((await requestOf({}, base())).prompt, { kind: 'text', text: 'Hi', special: false });
  const { prompt } = await requestOf({ system: 'Be brief.' }, base());
  assert.deepEqual(prompt, { kind: 'text', text: 'Be brief.\n\nHi', special: false });
});

test('a template in a request is that of its conversation, also where the model has none', async () => {
  const bare = new FakeBackend(servedModel({ chats: false, template: '' }));
  for (const backend of [new FakeBackend(), bare]) {
    const { prompt } = await requestOf({ template: '[{{ .Prompt }}]' }, backend);
    assert.deepEqual(prompt, {
      kind: 'chat',
      messages: [{ role: 'user', content: 'Hi' }],
      chatTemplate: '[{{ .Prompt }}]',
    });
  }
});

test('a raw prompt is taken as it is, and its answer has no context', async () => {
  const backend = new FakeBackend();
  const response = await generate(backend, { prompt: '<|im_start|>Hi', raw: true, stream: false });
  assert.equal('context' in ((await response.json()) as object), false);
  assert.deepEqual(backend.received.request.prompt, { kind: 'text', text: '<|im_start|>Hi', special: true });
});

test('raw leaves no place for a template, a system text or a context', async () => {
  for (const more of [{ system: 'Be brief.' }, { template: '{{ .Prompt }}' }, { context: [1] }]) {
    const response = await generate(new FakeBackend(), { prompt: 'Hi', raw: true, ...more });
    assert.equal(response.status, 400);
    assert.deepEqual(await response.json(), { error: 'raw mode does not support template, system, or context' });
  }
});

test('a context comes before the prompt', async () => {
  assert.deepEqual((await requestOf({ context: [1, 2, 3] })).before, [1, 2, 3]);
  assert.equal((await requestOf({ context: [] })).before, undefined);
});

test('options, keep_alive and truncate reach the ask', async () => {
  const backend = new FakeBackend();
  const ask = await requestOf({ options: { temperature: 0, num_ctx: 64 }, keep_alive: '1h', truncate: true }, backend);
  assert.equal(ask.sampling.temperature, 0);
  assert.equal(ask.context, 64);
  assert.equal(ask.truncate, true);
  assert.equal(backend.received.keepAlive, 3600);
  assert.equal((await requestOf({}, backend)).truncate, undefined);
  assert.equal(backend.received.keepAlive, undefined);
});

test('options may stand beside the prompt, and count where the others say nothing', async () => {
  const { maxTokens, sampling } = await requestOf({
    num_predict: 8,
    seed: 3,
    options: { seed: 4, top_k: null },
    top_k: 5,
  });
  assert.deepEqual([maxTokens, sampling.seed, sampling.topK], [8, 4, 5]);
  const response = await generate(new FakeBackend(), { prompt: 'Hi', num_predict: '8' });
  assert.equal(response.status, 400);
  assert.match(((await response.json()) as { error: string }).error, /^num_predict: /);
});

test('options without effect are a warning, not refused', async () => {
  const server = served();
  const options = { num_thread: 8, num_gpu: 1, top_k: 5 };
  const response = await post(server, '/api/generate', { prompt: 'Hi', options });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('warning') ?? '', /num_thread, num_gpu"$/);
  const warnings = server.log.entries.filter(({ level }) => level === 'warn');
  assert.deepEqual(
    warnings.map(({ fields }) => Object.values(fields)[1]),
    [['options without effect: num_thread, num_gpu']],
  );
  await response.body?.cancel();
});

test('fields that mean nothing are no hindrance', async () => {
  const nothing = { images: [], suffix: '', template: '', format: '', think: false, system: null, options: null };
  await requestOf({ ...nothing, shift: true, whatever: { a: 1 } });
  await requestOf({ context: null, stream: null, keep_alive: null, format: null, think: null, raw: null });
});

const delta: Delta = {
  text: 'Hé',
  logprobs: [
    {
      token: 7,
      text: 'Hé',
      bytes: [72, 195, 169],
      logprob: -0.5,
      top: [
        { token: 7, text: 'Hé', bytes: [72, 195, 169], logprob: -0.5 },
        { token: 8, text: 'Yo', bytes: [89, 111], logprob: -1.5 },
      ],
    },
  ],
};
const written = [
  {
    token: 'Hé',
    logprob: -0.5,
    bytes: [72, 195, 169],
    top_logprobs: [
      { token: 'Hé', logprob: -0.5, bytes: [72, 195, 169] },
      { token: 'Yo', logprob: -1.5, bytes: [89, 111] },
    ],
  },
];

test('log-probabilities come with the text, or without any if there is none', async () => {
  const backend = new FakeBackend();
  backend.script = { deltas: [delta, { ...delta, text: '' }, ''] };
  const lines = await linesOf(await generate(backend, { prompt: 'Hi', logprobs: true, top_logprobs: 2 }));
  assert.equal(backend.received.request.logprobs, 2);
  assert.deepEqual(
    lines.map(({ response, logprobs }) => [response, logprobs]),
    [
      ['Hé', written],
      ['', written],
      ['', undefined],
    ],
  );
});

test('an object has the log-probabilities of all its tokens', async () => {
  const backend = new FakeBackend();
  backend.script = { deltas: [delta, delta] };
  const response = await generate(backend, { prompt: 'Hi', logprobs: true, stream: false });
  assert.deepEqual(((await response.json()) as { logprobs: unknown }).logprobs, [...written, ...written]);
  assert.equal(backend.received.request.logprobs, 0);
});

test('without logprobs none are asked for', async () => {
  assert.equal((await requestOf({ top_logprobs: 3 })).logprobs, undefined);
  assert.equal((await requestOf({ logprobs: false, top_logprobs: 3 })).logprobs, undefined);
});

test('an empty prompt loads the model', async () => {
  for (const body of [{}, { prompt: '' }, { prompt: '', stream: false }]) {
    const backend = new FakeBackend();
    const response = await generate(backend, { ...body, keep_alive: -1 });
    const { created_at, ...rest } = (await response.json()) as Record<string, unknown>;
    assert.ok(created_at);
    const durations = { total_duration: 125_000_000, load_duration: 125_000_000 };
    assert.deepEqual(rest, { model: 'tiny:q4_1', response: '', done: true, done_reason: 'load', ...durations });
    assert.deepEqual(backend.calls, ['load tiny:q4_1 Infinity']);
    assert.deepEqual(backend.requests, []);
  }
});

test('an empty prompt that is not to be kept unloads it', async () => {
  for (const keep_alive of [0, '0', '0s']) {
    const backend = new FakeBackend();
    const response = await generate(backend, { keep_alive });
    assert.equal(((await response.json()) as Record<string, unknown>)['done_reason'], 'unload');
    assert.deepEqual(backend.calls, ['unload tiny:q4_1']);
  }
});

test('what is not supported yet is refused', async () => {
  for (const [body, error] of [
    [{ images: ['aGk='] }, '"tiny:q4_1" does not support images'],
    [{ think: true }, '"tiny:q4_1" does not support thinking'],
    [{ think: 'high' }, '"tiny:q4_1" does not support thinking'],
    [{ format: 'xml' }, 'format: invalid format; expected "json" or a JSON schema'],
    [{ format: 7 }, 'format: invalid format; expected "json" or a JSON schema'],
    [{ template: 'x'.repeat(65_537) }, 'template: at most 65536 characters'],
    [{ template: 'x', suffix: 'y' }, 'a suffix goes with neither raw mode nor template, system or context'],
  ] as const) {
    const backend = new FakeBackend();
    const response = await generate(backend, { prompt: 'Hi', ...body });
    assert.equal(response.status, 400);
    assert.deepEqual(await response.json(), { error });
    assert.deepEqual(backend.requests, []);
  }
});
