import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend } from '../../../test/support/fake-backend.ts';
import { dataOf, post, served } from '../../../test/support/served.ts';
import { EngineError } from '../../base/errors.ts';

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

test('tokens and their probabilities come where they are asked for', async () => {
  const server = served();
  const token = { token: 7, text: 'a', bytes: [97], logprob: -0.5 };
  server.backend.script = { deltas: [{ text: 'a', logprobs: [{ ...token, top: [token] }] }] };
  const body = (await (await post(server, '/completion', { ...hi, return_tokens: true, n_probs: 1 })).json()) as Part;
  assert.deepEqual(body.tokens, [7]);
  const { token: id, text, ...rest } = token;
  const entry = { id, token: text, ...rest };
  assert.deepEqual(body['completion_probabilities'], [{ ...entry, top_logprobs: [entry] }]);
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
  assert.deepEqual([(await asked('/props'))['total_slots'], await asked('/slots')], [1, []]);
  backend.running.push({ model, expires: undefined, memory: 1, context: 512, parallel: 2, active: 1 });
  const props = await asked('/props');
  assert.deepEqual(
    [props['total_slots'], props['default_generation_settings'], props['chat_template']],
    [2, { n_ctx: 512 }, model.template],
  );
  assert.deepEqual(await asked('/slots'), [
    { id: 0, n_ctx: 512, is_processing: true },
    { id: 1, n_ctx: 512, is_processing: false },
  ]);
});
