import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../test/support/fake-backend.ts';
import { post, served } from '../../test/support/served.ts';
import { EngineError } from '../base/errors.ts';
import type { Health } from '../worker/backend.ts';

test('health tells whether the server can answer yet', async () => {
  let health: Health = 'loading';
  const { app } = served({ health: () => health });
  const loading = await app.request('/health');
  assert.equal(loading.status, 503);
  assert.deepEqual(await loading.json(), { status: 'loading' });
  health = 'ok';
  const ok = await app.request('/v1/health');
  assert.equal(ok.status, 200);
  assert.deepEqual(await ok.json(), { status: 'ok' });
  health = 'stalled';
  assert.equal((await app.request('/health')).status, 503);
});

test("metrics are in Prometheus' text format", async () => {
  const { backend, app } = served();
  const labels = { model: 'a "b" \\ \n', device: 'cpu' };
  backend.figures = [
    { name: 'ssdllm_tokens_total', kind: 'counter', help: 'Tokens \\ \n made', values: [{ labels, value: 1e21 }] },
    {
      name: 'ssdllm_queue',
      kind: 'gauge',
      help: 'Waiting',
      values: [0.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value) => ({
        labels: {},
        value,
      })),
    },
  ];
  const response = await app.request('/metrics');
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.equal(
    await response.text(),
    `# HELP ssdllm_tokens_total Tokens \\\\ \\n made
# TYPE ssdllm_tokens_total counter
ssdllm_tokens_total{model="a \\"b\\" \\\\ \\n",device="cpu"} 1e+21
# HELP ssdllm_queue Waiting
# TYPE ssdllm_queue gauge
ssdllm_queue 0.5
ssdllm_queue NaN
ssdllm_queue +Inf
ssdllm_queue -Inf
`,
  );
});

test('text becomes tokens, with the special ones only where they are asked for', async () => {
  const server = served();
  const tokens = async (body: object): Promise<unknown> => (await post(server, '/tokenize', body)).json();
  assert.deepEqual(await tokens({ content: 'Hi' }), { tokens: [72, 105] });
  assert.deepEqual(await tokens({ content: 'Hi', add_special: true, parse_special: null }), { tokens: [1, 72, 105] });
});

test('tokens come with their texts where those are asked for; halves of a character are bytes', async () => {
  const content = 'H\u00e9\u4f60';
  const response = await post(served(), '/tokenize', { content, with_pieces: true });
  assert.deepEqual(await response.json(), {
    tokens: [
      { id: 72, piece: 'H' },
      { id: 233, piece: [233] },
      { id: 20320, piece: '\u4f60' },
    ],
  });
});

test('tokens become text', async () => {
  const response = await post(served(), '/detokenize', { tokens: [72, 105] });
  assert.deepEqual(await response.json(), { content: 'Hi' });
});

test('messages become a prompt', async () => {
  const messages = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }];
  const response = await post(served(), '/apply-template', { messages });
  assert.deepEqual(await response.json(), { prompt: '<|user|>Hi' });
});

test('the tokens of a conversation are counted', async () => {
  const messages = [{ role: 'user', content: 'Hello' }];
  for (const path of ['/chat/completions/input_tokens', '/v1/chat/completions/input_tokens']) {
    const response = await post(served(), path, { messages });
    assert.deepEqual(await response.json(), { object: 'response.input_tokens', input_tokens: 5 });
  }
  const response = await post(served(), '/v1/responses/input_tokens', { input: 'Hello' });
  assert.deepEqual(await response.json(), { object: 'response.input_tokens', input_tokens: 5 });
});

test('a chat that is refused has no prompt to show, and no tokens to count', async () => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const paths = ['/v1/chat/completions', '/apply-template', '/chat/completions/input_tokens'];
  for (const [field, value] of Object.entries({
    chat_template: '{{ messages }}',
    documents: [{ text: 'Tides' }],
    functions: [{ name: 'tide' }],
    tool_choice: { type: 'function', function: { name: 'tide' } },
  })) {
    const [chat, ...others] = await Promise.all(
      paths.map(async (path) => {
        const response = await post(served(), path, { messages, [field]: value });
        assert.equal(response.status, 400, `${path} ${field}`);
        return response.json();
      }),
    );
    assert.match(JSON.stringify(chat), new RegExp(field));
    for (const other of others) assert.deepEqual(other, chat, field);
  }
});

test("a prompt that is too long has llama-server's type at its own routes, and OpenAI's code at all", async () => {
  for (const [path, type] of [
    ['/chat/completions', 'exceed_context_size_error'],
    ['/completion', 'exceed_context_size_error'],
    ['/v1/chat/completions', 'invalid_request_error'],
  ] as const) {
    const server = served();
    const refusal = new EngineError('CONTEXT_TOO_LONG', { prompt: 9, context: 8, atLeast: false });
    server.backend.script = { deltas: [], refusal };
    const response = await post(server, path, { prompt: 'Hi', messages: [{ role: 'user', content: 'Hi' }] });
    assert.equal(response.status, 400);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    const { type: told, code, n_prompt_tokens, n_ctx } = error;
    assert.deepEqual([told, code, n_prompt_tokens, n_ctx], [type, 'context_length_exceeded', 9, 8], path);
  }
});

test("errors have llama-server's shape", async () => {
  const backend = new FakeBackend(servedModel({ chats: false }));
  const server = served({}, backend);
  const failing = async (path: string, body: unknown, status: number): Promise<string> => {
    const response = await post(server, path, body);
    assert.equal(response.status, status);
    return ((await response.json()) as { error: { message: string } }).error.message;
  };
  assert.equal(await failing('/tokenize', '', 400), 'missing request body');
  assert.match(await failing('/tokenize', {}, 400), /^content: /);
  assert.match(await failing('/tokenize', { content: 'a'.repeat(2 ** 20 + 1) }, 400), /^content: .*1048576/);
  assert.match(await failing('/detokenize', { tokens: [-1] }, 400), /^tokens\[0\]: /);
  assert.match(await failing('/tokenize', { content: 'a', model: 'none' }, 404), /'none' not found/);
  const { clientMessage: message } = new EngineError('TEMPLATE_FAILED', { reason: 'the model has none' });
  assert.equal(await failing('/apply-template', { messages: [{ role: 'user', content: '' }] }, 400), message);
  backend.served.length = 0;
  assert.equal(await failing('/tokenize', { content: 'a' }, 404), 'there is no model');
});

test('no tokens are no text, and text is quoted as JSON wants it', async () => {
  const server = served();
  const asked = async (path: string, body: object): Promise<unknown> => (await post(server, path, body)).json();
  assert.deepEqual(await asked('/tokenize', { content: '' }), { tokens: [] });
  assert.deepEqual(await asked('/detokenize', { tokens: [] }), { content: '' });
  const tokens = [...'"\\\n\0😀'].map((character) => character.codePointAt(0));
  assert.deepEqual(await asked('/detokenize', { tokens }), { content: '"\\\n\0😀' });
});

test('adapters are listed with their scales, which can be set for later requests', async () => {
  const server = served();
  const asked: unknown[] = [];
  server.backend.adapters = {
    of: () => [{ id: 0, name: 'style.gguf', scale: 0.5 }],
    set: (_, scales) => void asked.push(scales),
  };
  const listed = await server.app.request('/lora-adapters');
  assert.deepEqual(await listed.json(), [{ id: 0, path: 'style.gguf', scale: 0.5, task_name: '', prompt_prefix: '' }]);
  const set = await post(server, '/lora-adapters', [{ id: 0, scale: 2 }]);
  assert.deepEqual([set.status, await set.json()], [200, { success: true }]);
  assert.deepEqual(asked, [[{ id: 0, scale: 2 }]]);
  assert.equal((await post(server, '/lora-adapters', [{ id: -1, scale: 2 }])).status, 400);
});

test('a request has scales of adapters of its own; without any it has those of the server', async () => {
  const server = served();
  const chat = { messages: [{ role: 'user', content: 'Hi' }] };
  for (const [path, body] of [
    ['/completion', { prompt: 'Hi' }],
    ['/infill', { input_prefix: 'a', input_suffix: 'b' }],
    ['/v1/chat/completions', chat],
    ['/v1/completions', { prompt: 'Hi' }],
  ] as const) {
    const lora = [{ id: 1, scale: -1 }];
    assert.equal((await post(server, path, { ...body, lora })).status, 200, path);
    assert.deepEqual(server.backend.received.request.loras, lora, path);
    assert.equal((await post(server, path, { ...body, lora: [] })).status, 200, path);
    assert.equal(server.backend.received.request.loras, undefined, path);
    assert.equal((await post(server, path, { ...body, lora: [{ id: 1 }] })).status, 400, path);
  }
});
