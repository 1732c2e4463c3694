import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, FakeLog } from '../../../test/support/fake-backend.ts';
import type { ToolCallDelta } from '../../chat/message.ts';
import type { Delta } from '../../worker/backend.ts';
import { ollamaRoutes } from './routes.ts';

const messages = [{ role: 'user', content: 'When is high tide?' }];
const tools = [{ type: 'function', function: { name: 'tide', parameters: { type: 'object', properties: {} } } }];

const chat = (backend: FakeBackend, body: object): Response | Promise<Response> =>
  ollamaRoutes(backend, new FakeLog()).request('/api/chat', {
    method: 'POST',
    body: JSON.stringify({ model: 'tiny:q4_1', messages, tools, ...body }),
  });

const delta = (...toolCalls: readonly ToolCallDelta[]): Delta => ({ text: '', toolCalls, logprobs: [] });

function calling(...deltas: readonly Delta[]): FakeBackend {
  const backend = new FakeBackend();
  backend.script = { deltas, ending: { reason: 'toolCalls' } };
  return backend;
}

const two = (): FakeBackend =>
  calling(
    { text: 'Let me see.', logprobs: [] },
    delta({ index: 0, id: 'abc', name: 'tide', arguments: '{"port"' }),
    delta({ index: 0, arguments: ':"Ives"}' }, { index: 1, id: 'def', name: 'ebb', arguments: '' }),
    delta({ index: 1, arguments: '{}' }),
  );
const first = { id: 'abc', function: { index: 0, name: 'tide', arguments: { port: 'Ives' } } };
const second = { id: 'def', function: { index: 1, name: 'ebb', arguments: {} } };

interface Line {
  readonly message: object;
  readonly done: boolean;
  readonly done_reason?: string;
  readonly error?: string;
}

test('a whole answer has its calls with arguments as objects', async () => {
  const { message, done_reason } = (await (await chat(two(), { stream: false })).json()) as Line;
  assert.deepEqual(message, { role: 'assistant', content: 'Let me see.', tool_calls: [first, second] });
  assert.equal(done_reason, 'stop');
});

test('a stream has each call as soon as it is whole, before the line that ends the answer', async () => {
  const lines = (await (await chat(two(), {})).text()).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => JSON.parse(line) as Line).map(({ message, done }) => [message, done]),
    [
      [{ role: 'assistant', content: 'Let me see.' }, false],
      [{ role: 'assistant', content: '', tool_calls: [first] }, false],
      [{ role: 'assistant', content: '', tool_calls: [second] }, false],
      [{ role: 'assistant', content: '' }, true],
    ],
  );
});

test('a call whose arguments are no object is text, streamed or not', async () => {
  for (const text of ['{"port": "Iv', '[1]', 'null', '']) {
    const backend = (): FakeBackend => calling(delta({ index: 0, id: 'abc', name: 'tide', arguments: text }));
    const message = { role: 'assistant', content: `tide(${text})` };
    const whole = (await (await chat(backend(), { stream: false })).json()) as Line;
    assert.deepEqual(whole.message, message);
    const [line] = (await (await chat(backend(), {})).text()).split('\n');
    assert.deepEqual((JSON.parse(line ?? '') as Line).message, message);
  }
});

test('tools and their choice reach the conversation, and results their calls', async () => {
  const backend = new FakeBackend();
  const history = [
    ...messages,
    { role: 'assistant', content: '', tool_calls: [{ function: { name: 'tide', arguments: { port: 'Ives' } } }] },
    { role: 'tool', content: '14:20', tool_name: 'tide' },
    { role: 'assistant', tool_calls: [{ function: { name: 'tide' } }] },
  ];
  await (await chat(backend, { messages: history, tool_choice: 'required' })).text();
  assert.deepEqual(backend.received.request.prompt, {
    kind: 'chat',
    messages: [
      ...messages,
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_0', name: 'tide', arguments: '{"port":"Ives"}' }] },
      { role: 'tool', content: '14:20', toolName: 'tide' },
      { role: 'assistant', content: '', toolCalls: [{ id: 'call_0', name: 'tide', arguments: '{}' }] },
    ],
    tools: [{ name: 'tide', parameters: { type: 'object', properties: {} } }],
    toolChoice: 'required',
  });
});

test('tools that are none are refused', async () => {
  for (const body of [
    { tools: [{ type: 'function' }] },
    { tools: [], tool_choice: 'required' },
    { tool_choice: { type: 'function', function: { name: 'flood' } } },
  ]) {
    const response = await chat(new FakeBackend(), body);
    assert.equal(response.status, 400);
    assert.match(((await response.json()) as Line).error ?? '', /^(tools|tool_choice)/);
  }
});
