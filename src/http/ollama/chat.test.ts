import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, FakeLog, servedModel } from '../../../test/support/fake-backend.ts';
import { ollamaRoutes } from './routes.ts';

const messages = [{ role: 'user', content: 'Hi' }];

const chat = (backend: FakeBackend, body: object): Response | Promise<Response> =>
  ollamaRoutes(backend, new FakeLog()).request('/api/chat', {
    method: 'POST',
    body: JSON.stringify({ model: 'tiny:q4_1', messages, ...body }),
  });

type Line = Record<string, unknown>;

const linesOf = (text: string): readonly Line[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

test('an answer is streamed as messages of the assistant', async () => {
  const response = await chat(new FakeBackend(), {});
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  const text = await response.text();
  const lines = linesOf(text);
  assert.deepEqual(
    lines.map(({ message, done, done_reason }) => [message, done, done_reason]),
    [
      [{ role: 'assistant', content: 'Hello' }, false, undefined],
      [{ role: 'assistant', content: ', ' }, false, undefined],
      [{ role: 'assistant', content: 'world' }, false, undefined],
      [{ role: 'assistant', content: '' }, true, 'stop'],
    ],
  );
  assert.equal(lines.at(-1)?.['eval_count'], 3);
  assert.equal(lines.at(-1)?.['eval_duration'], 500_000_000);
  assert.equal('context' in (lines.at(-1) ?? {}), false);
});

test('unless streamed, it is one message', async () => {
  const response = await chat(new FakeBackend(), { stream: false });
  const { message, done, prompt_eval_count } = (await response.json()) as Line;
  assert.deepEqual(message, { role: 'assistant', content: 'Hello, world' });
  assert.deepEqual([done, prompt_eval_count], [true, 5]);
});

test('the messages are asked as they are, whatever else they carry', async () => {
  const backend = new FakeBackend();
  const sent = [
    { role: 'system', content: 'Be brief.', images: null },
    { role: 'user', content: 'Hi', images: [], tool_calls: [] },
    { role: 'assistant', content: '', thinking: 'hm', tool_calls: null },
    { role: 'assistant', content: null },
    { role: 'user', content: 'More', id: 'x' },
  ];
  const response = await chat(backend, { messages: sent, tools: [], think: false, keep_alive: 0 });
  await response.text();
  assert.deepEqual(backend.received.request.prompt, {
    kind: 'chat',
    think: false,
    messages: sent.map(({ role, content, thinking }) => ({
      role,
      content: content ?? '',
      ...(thinking && { thinking }),
    })),
  });
  assert.equal(backend.received.keepAlive, 0);
});

test('without messages the model is loaded, or unloaded where it shall not be kept', async () => {
  for (const [body, reason, call] of [
    [{ messages: [] }, 'load', 'load tiny:q4_1'],
    [{ messages: undefined, keep_alive: '10m' }, 'load', 'load tiny:q4_1 600'],
    [{ messages: null, keep_alive: 0 }, 'unload', 'unload tiny:q4_1'],
  ] as const) {
    const backend = new FakeBackend();
    const { message, done_reason } = (await (await chat(backend, body)).json()) as Line;
    assert.deepEqual(message, { role: 'assistant', content: '' });
    assert.equal(done_reason, reason);
    assert.deepEqual(backend.calls, [call]);
  }
});

test('calls of tools and their results are parts of the messages', async () => {
  const backend = new FakeBackend();
  const sent = [
    { role: 'Assistant', content: '', tool_calls: [{ function: { name: 'add', arguments: { a: 2 } } }] },
    { role: 'tool', content: '5', tool_name: 'add', tool_call_id: 'call_0' },
  ];
  await (await chat(backend, { messages: sent })).text();
  assert.deepEqual(backend.received.request.prompt, {
    kind: 'chat',
    messages: [
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_0', name: 'add', arguments: '{"a":2}' }] },
      { role: 'tool', content: '5', toolName: 'add', toolCallId: 'call_0' },
    ],
  });
});

test('thoughts have a member of their own, in a stream and in a whole message', async () => {
  const backend = new FakeBackend(servedModel({ thinks: true }));
  backend.script = {
    deltas: [
      { text: '', thinking: 'Hm. ', logprobs: [] },
      { text: 'Yes', thinking: 'So.', logprobs: [] },
      { text: '.', logprobs: [] },
    ],
  };
  const lines = linesOf(await (await chat(backend, { think: true })).text());
  assert.deepEqual(
    lines.map((line) => line['message']),
    [
      { role: 'assistant', content: '', thinking: 'Hm. ' },
      { role: 'assistant', content: 'Yes', thinking: 'So.' },
      { role: 'assistant', content: '.' },
      { role: 'assistant', content: '' },
    ],
  );
  const whole = (await (await chat(backend, { think: 'low', stream: false })).json()) as Line;
  assert.deepEqual(whole['message'], { role: 'assistant', content: 'Yes.', thinking: 'Hm. So.' });
  const { prompt } = backend.received.request;
  assert.equal(prompt.kind === 'chat' && prompt.think, 'low');
});

test('what is not supported yet is refused', async () => {
  const image = [{ role: 'user', content: 'Hi', images: ['aGk='] }];
  for (const [body, error] of [
    [{ messages: image }, '"tiny:q4_1" does not support images'],
    [{ think: true }, '"tiny:q4_1" does not support thinking'],
    [{ format: 'xml' }, 'format: invalid format; expected "json" or a JSON schema'],
  ] as const) {
    const backend = new FakeBackend();
    const response = await chat(backend, body);
    assert.equal(response.status, 400);
    assert.deepEqual(await response.json(), { error });
    assert.deepEqual(backend.requests, []);
  }
});

test('a model without a template does not chat', async () => {
  const response = await chat(new FakeBackend(servedModel({ chats: false })), { model: 'Tiny:q4_1' });
  assert.equal(response.status, 400);
  assert.deepEqual(await response.json(), { error: '"Tiny:q4_1" does not support chat' });
});
