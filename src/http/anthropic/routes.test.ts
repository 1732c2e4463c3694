import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { post, readBody, served } from '../../../test/support/served.ts';
import { EngineError } from '../../base/errors.ts';
import { anthropicRoutes } from './routes.ts';

const path = '/v1/messages';
const hi = { model: 'tiny:q4_1', max_tokens: 16, messages: [{ role: 'user', content: 'Hi' }] };

interface Event {
  readonly type: string;
}

/** The events of a stream; each must be named by its type. */
const eventsOf = (text: string): readonly Event[] =>
  text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const [, name, data = ''] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      const event = JSON.parse(data) as Event;
      assert.equal(event.type, name);
      return event;
    });

test('a whole message has its content, the reason it ended and the usage without cached tokens', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hello', ', ', 'world'], ending: { cachedTokens: 2 } };
  const response = await post(server, path, hi);
  assert.equal(response.status, 200);
  const { id, ...rest } = (await response.json()) as { id: string };
  assert.match(id, /^msg_/);
  assert.deepEqual(rest, {
    type: 'message',
    role: 'assistant',
    model: 'tiny:q4_1',
    content: [{ type: 'text', text: 'Hello, world' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 2, output_tokens: 3 },
  });
});

test('a stream opens the message and its block, brings the text, and closes both', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hel', '', 'lo'], ending: { reason: 'length' } };
  const response = await post(server, path, { ...hi, stream: true });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const [start, ...events] = eventsOf(await response.text());
  const { message } = start as unknown as { message: { id: string; content: unknown; stop_reason: unknown } };
  assert.deepEqual([start?.type, message.content, message.stop_reason], ['message_start', [], null]);
  assert.deepEqual(events, [
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'max_tokens', stop_sequence: null },
      usage: { input_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 3 },
    },
    { type: 'message_stop' },
  ]);
});

test('an answer without a text is an empty block', async () => {
  const server = served();
  server.backend.script = { deltas: [] };
  const { content } = (await (await post(server, path, hi)).json()) as { content: unknown };
  assert.deepEqual(content, [{ type: 'text', text: '' }]);
  const events = eventsOf(await (await post(server, path, { ...hi, stream: true })).text());
  assert.deepEqual(
    events.map(({ type }) => type),
    ['message_start', 'content_block_start', 'content_block_stop', 'message_delta', 'message_stop'],
  );
});

const thoughtAndCalls = [
  { text: '', thinking: 'Hm', logprobs: [] },
  { text: 'So.', thinking: 'm', logprobs: [] },
  { text: '', toolCalls: [{ index: 0, id: 'call_a', name: 'add', arguments: '{"a":' }], logprobs: [] },
  { text: '', toolCalls: [{ index: 0, arguments: '1}' }], logprobs: [] },
  { text: '', toolCalls: [{ index: 1, id: 'call_b', name: 'now', arguments: '' }], logprobs: [] },
];

test('thoughts and calls are blocks of their own, as a whole and in a stream', async () => {
  const server = served();
  server.backend.script = { deltas: thoughtAndCalls, ending: { reason: 'toolCalls' } };
  const whole = (await (await post(server, path, hi)).json()) as { content: unknown; stop_reason: string };
  assert.deepEqual(whole.content, [
    { type: 'thinking', thinking: 'Hmm', signature: '' },
    { type: 'text', text: 'So.' },
    { type: 'tool_use', id: 'call_a', name: 'add', input: { a: 1 } },
    { type: 'tool_use', id: 'call_b', name: 'now', input: {} },
  ]);
  assert.equal(whole.stop_reason, 'tool_use');
  const events = eventsOf(await (await post(server, path, { ...hi, stream: true })).text()) as {
    type: string;
    index?: number;
    content_block?: object;
    delta?: object;
  }[];
  assert.deepEqual(
    events.flatMap(({ content_block }) => content_block ?? []),
    [
      { type: 'thinking', thinking: '', signature: '' },
      { type: 'text', text: '' },
      { type: 'tool_use', id: 'call_a', name: 'add', input: {} },
      { type: 'tool_use', id: 'call_b', name: 'now', input: {} },
    ],
  );
  assert.deepEqual(
    events.flatMap(({ type, delta }) => (type === 'content_block_delta' && delta ? delta : [])),
    [
      { type: 'thinking_delta', thinking: 'Hm' },
      { type: 'thinking_delta', thinking: 'm' },
      { type: 'text_delta', text: 'So.' },
      { type: 'input_json_delta', partial_json: '{"a":' },
      { type: 'input_json_delta', partial_json: '1}' },
    ],
  );
  const opened = events.flatMap(({ type, index }) => (/block_st/.test(type) ? `${type} ${index}` : []));
  assert.deepEqual(
    opened,
    [0, 1, 2, 3].flatMap((i) => [`content_block_start ${i}`, `content_block_stop ${i}`]),
  );
});

test('arguments that are no object reach the client as one', async () => {
  const server = served();
  const toolCalls = [{ index: 0, id: 'c', name: 'add', arguments: '[1' }];
  server.backend.script = { deltas: [{ text: '', toolCalls, logprobs: [] }], ending: { reason: 'toolCalls' } };
  const { content } = (await (await post(server, path, hi)).json()) as { content: { input: unknown }[] };
  assert.deepEqual(content[0]?.input, { arguments: '[1' });
});

test('parameters reach the engine', async () => {
  const server = served();
  const response = await post(server, path, {
    ...hi,
    stop_sequences: ['END'],
    temperature: 0.5,
    top_p: 0.8,
    top_k: 3,
    keep_alive: '1m',
  });
  assert.equal(response.status, 200);
  const { request, keepAlive } = server.backend.received;
  const { temperature, topP, topK } = request.sampling;
  assert.deepEqual(
    [temperature, topP, topK, request.maxTokens, request.stop, keepAlive],
    [0.5, 0.8, 3, 16, ['END'], 60],
  );
});

test("refusals have Anthropic's shape and name the field", async () => {
  const server = served({}, new FakeBackend(servedModel(), servedModel({ name: 'plain:latest', chats: false })));
  const image = [{ role: 'user', content: [{ type: 'image', source: {} }] }];
  for (const [body, status, type, message] of [
    [{ messages: undefined }, 400, 'invalid_request_error', /^messages: /],
    [{ messages: [] }, 400, 'invalid_request_error', /^messages: /],
    [{ messages: image }, 400, 'invalid_request_error', /^messages\[0\]\.content\[0\]\.type: .*"image"/],
    [{ messages: [{ role: 'user', content: [{ type: 'tool_result' }] }] }, 400, 'invalid_request_error', /tool_use_id/],
    [{ tools: [{ type: 'web_search_20250305', name: 'search' }] }, 400, 'invalid_request_error', /^tools\[0\]\.type: /],
    [{ temperature: -1 }, 400, 'invalid_request_error', /^temperature: /],
    [{ model: 'claude' }, 404, 'not_found_error', /'claude' not found/],
    [{ model: 'plain' }, 400, 'invalid_request_error', /does not support chat/],
  ] as const) {
    const response = await post(server, path, { ...hi, ...body });
    assert.equal(response.status, status);
    const answer = (await response.json()) as { type: string; error: { type: string; message: string } };
    assert.deepEqual([answer.type, answer.error.type], ['error', type]);
    assert.match(answer.error.message, message);
  }
  server.backend.script = { deltas: [], refusal: new EngineError('SERVER_BUSY', { waiting: 1 }) };
  const busy = await post(server, path, hi);
  assert.equal(busy.status, 503);
  assert.equal(((await busy.json()) as { error: { type: string } }).error.type, 'overloaded_error');
});

test('a stop sequence that ended the answer is named', async () => {
  const server = served();
  server.backend.script = { deltas: ['a'], ending: { stopText: 'END' } };
  const answer = (await (await post(server, path, { ...hi, stop_sequences: ['END'] })).json()) as Record<
    string,
    unknown
  >;
  assert.deepEqual([answer['stop_reason'], answer['stop_sequence']], ['stop_sequence', 'END']);
});

test('tokens are counted without an answer', async () => {
  const server = served();
  const { max_tokens, ...counted } = hi;
  const response = await post(server, `${path}/count_tokens`, { ...counted, system: 'Be brief.' });
  assert.deepEqual(await response.json(), { input_tokens: 'Be brief.Hi'.length });
  assert.deepEqual(server.backend.requests, []);
});

test('silence is broken by pings, and a failure behind them is an error event', async () => {
  const backend = new FakeBackend();
  backend.script = {
    deltas: ['a', 'b'],
    pause: 40,
    failure: new EngineError('ENGINE_DIED', { model: 'tiny', reason: 'killed' }),
  };
  const { log } = served();
  const routes = anthropicRoutes(backend, log, { firstByte: 5, interval: 5 });
  const response = await routes.request('/messages', { method: 'POST', body: JSON.stringify({ ...hi, stream: true }) });
  const text = await readBody(response, () => {});
  const events = eventsOf(text.replaceAll(/^: .*\n/gm, ''));
  assert.ok(events.some(({ type }) => type === 'ping'));
  assert.deepEqual(
    events.map(({ type }) => type).filter((type) => type !== 'ping'),
    ['message_start', 'content_block_start', 'content_block_delta', 'content_block_delta', 'error'],
  );
});
