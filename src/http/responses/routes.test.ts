import assert from 'node:assert/strict';
import test from 'node:test';
import { FakeBackend, servedModel } from '../../../test/support/fake-backend.ts';
import { dataOf, post, type Served, served } from '../../../test/support/served.ts';
import { EngineError } from '../../base/errors.ts';
import { responsesRoutes } from './routes.ts';

const path = '/v1/responses';
const hi = { model: 'tiny:q4_1', input: 'Hi' };

interface Event {
  readonly type: string;
  readonly sequence_number: number;
  readonly response?: { readonly id: string; readonly status: string; readonly output: readonly unknown[] };
  readonly item?: { readonly id: string };
  readonly item_id?: string;
}

/** The events of a stream, numbered from 0. */
function eventsOf(text: string): readonly Event[] {
  const named = text.replaceAll(/^event: .*\n/gm, '');
  const events = dataOf(named).map((data) => JSON.parse(data) as Event);
  for (const [i, { sequence_number }] of events.entries()) assert.equal(sequence_number, i);
  return events;
}

const typesOf = (events: readonly Event[]): readonly string[] => events.map(({ type }) => type);

const messagesOf = async (server: Served, body: object): Promise<unknown> => {
  assert.equal((await post(server, path, { ...hi, ...body })).status, 200);
  const { prompt } = server.backend.received.request;
  return prompt.kind === 'chat' ? prompt.messages : undefined;
};

test('a whole response has its message, its status and the usage', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hello', ', ', 'world'], ending: { cachedTokens: 2 } };
  const response = await post(server, path, { ...hi, store: false, temperature: 0.5 });
  assert.equal(response.status, 200);
  const body = (await response.json()) as Record<string, unknown>;
  assert.match(`${body['id']}`, /^resp_/);
  const [message] = body['output'] as { id: string }[];
  assert.match(message?.id ?? '', /^msg_/);
  assert.deepEqual(body['output'], [
    {
      id: message?.id,
      type: 'message',
      status: 'completed',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'Hello, world', annotations: [], logprobs: [] }],
    },
  ]);
  assert.deepEqual(
    [body['object'], body['status'], body['model'], body['temperature'], body['error'], body['store']],
    ['response', 'completed', 'tiny:q4_1', 0.5, null, false],
  );
  const own = served({}, new FakeBackend(servedModel({ sampling: { temperature: 0.25, topP: 0.75 } })));
  const other = (await (await post(own, path, hi)).json()) as Record<string, unknown>;
  assert.deepEqual([other['temperature'], other['top_p'], body['top_p']], [0.25, 0.75, 1]);
  assert.deepEqual(body['usage'], {
    input_tokens: 5,
    input_tokens_details: { cached_tokens: 2 },
    output_tokens: 3,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 8,
  });
});

test('a stream brings the typed events in order, and each item keeps its id', async () => {
  const server = served();
  server.backend.script = { deltas: ['Hel', 'lo'] };
  const response = await post(server, path, { ...hi, stream: true });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events = eventsOf(await response.text());
  assert.deepEqual(typesOf(events), [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ]);
  const ids = new Set(events.flatMap(({ item, item_id }) => item?.id ?? item_id ?? []));
  assert.equal(ids.size, 1);
  assert.equal(new Set(events.flatMap(({ response }) => response?.id ?? [])).size, 1);
  const { response: last } = events.at(-1) ?? {};
  assert.deepEqual([last?.status, last?.output.length], ['completed', 1]);
});

test('an answer that was cut off is incomplete', async () => {
  const server = served();
  server.backend.script = { deltas: ['a'], ending: { reason: 'length' } };
  const whole = (await (await post(server, path, hi)).json()) as Record<string, unknown>;
  assert.deepEqual([whole['status'], whole['incomplete_details']], ['incomplete', { reason: 'max_output_tokens' }]);
  const events = eventsOf(await (await post(server, path, { ...hi, stream: true })).text());
  assert.equal(events.at(-1)?.type, 'response.incomplete');
});

test('instructions come first, and items are messages', async () => {
  const server = served();
  assert.deepEqual(await messagesOf(server, { instructions: 'Be brief.' }), [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hi' },
  ]);
  const input = [
    { role: 'developer', content: 'A' },
    {
      type: 'message',
      role: 'user',
      content: [
        { type: 'input_text', text: 'B' },
        { type: 'input_text', text: 'C' },
      ],
    },
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'D' }],
    },
    { role: 'user', content: 'E' },
  ];
  assert.deepEqual(await messagesOf(server, { input }), [
    { role: 'system', content: 'A' },
    { role: 'user', content: 'B\nC' },
    { role: 'assistant', content: 'D' },
    { role: 'user', content: 'E' },
  ]);
});

test('thoughts and calls are items of their own, as a whole and in a stream', async () => {
  const server = served();
  server.backend.script = {
    deltas: [
      { text: '', thinking: 'Hmm', logprobs: [] },
      { text: '', toolCalls: [{ index: 0, id: 'call_a', name: 'add', arguments: '{"a":' }], logprobs: [] },
      { text: '', toolCalls: [{ index: 0, arguments: '1}' }], logprobs: [] },
    ],
    ending: { reason: 'toolCalls' },
  };
  const asked = { ...hi, include: ['reasoning.encrypted_content'] };
  const { output, status } = (await (await post(server, path, asked)).json()) as {
    output: Record<string, unknown>[];
    status: string;
  };
  assert.equal(status, 'completed');
  const withoutIds = output.map(({ id, ...rest }) => [`${id}`.replace(/_.*/, ''), rest]);
  assert.deepEqual(withoutIds, [
    [
      'rs',
      {
        type: 'reasoning',
        status: 'completed',
        summary: [{ type: 'summary_text', text: 'Hmm' }],
        encrypted_content: 'Hmm',
      },
    ],
    ['fc', { type: 'function_call', status: 'completed', call_id: 'call_a', name: 'add', arguments: '{"a":1}' }],
  ]);
  const events = eventsOf(await (await post(server, path, { ...hi, stream: true })).text());
  assert.deepEqual(
    typesOf(events)
      .slice(2, -1)
      .map((type) => type.replace('response.', '')),
    [
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
    ],
  );
});

test('items of the assistant that follow each other are one message, and results name their tool', async () => {
  const server = served();
  const input = [
    { role: 'user', content: 'Add' },
    { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm' }], encrypted_content: 'Hm' },
    { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'So.' }] },
    { type: 'function_call', call_id: 'a', name: 'add', arguments: '{"a":1}' },
    { type: 'function_call', call_id: 'b', name: 'now', arguments: '{}' },
    { type: 'function_call_output', call_id: 'a', output: '2' },
    { type: 'function_call_output', call_id: 'b', output: [{ type: 'input_text', text: 'noon' }] },
  ];
  assert.deepEqual(await messagesOf(server, { input }), [
    { role: 'user', content: 'Add' },
    {
      role: 'assistant',
      content: 'So.',
      thinking: 'Hm',
      toolCalls: [
        { id: 'a', name: 'add', arguments: '{"a":1}' },
        { id: 'b', name: 'now', arguments: '{}' },
      ],
    },
    { role: 'tool', toolCallId: 'a', toolName: 'add', content: '2' },
    { role: 'tool', toolCallId: 'b', toolName: 'now', content: 'noon' },
  ]);
});

test('tools, the choice among them and the effort reach the template; tools that nobody runs are a warning', async () => {
  const server = served();
  const parameters = { type: 'object', properties: {} };
  const tool = (name: string): object => ({ type: 'function', name, parameters });
  const asked = async (body: object): Promise<readonly [Record<string, unknown>, string | null]> => {
    const response = await post(server, path, { ...hi, ...body });
    assert.equal(response.status, 200);
    const { kind, messages, ...rest } = server.backend.received.request.prompt as unknown as Record<string, unknown>;
    return [rest, response.headers.get('warning')];
  };
  const [sent, warning] = await asked({
    tools: [tool('a'), { type: 'web_search' }, tool('b')],
    tool_choice: { type: 'function', name: 'b' },
    parallel_tool_calls: false,
    reasoning: { effort: 'low' },
  });
  const definition = (name: string): object => ({ name, description: undefined, parameters });
  assert.deepEqual(sent, {
    tools: [definition('a'), definition('b')],
    toolChoice: { name: 'b' },
    parallelToolCalls: false,
    think: 'low',
  });
  assert.match(warning ?? '', /^299 .*web_search/);
  assert.ok(server.log.entries.some(({ level }) => level === 'warn'));
  const allowed = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'b' }] };
  assert.deepEqual(
    await asked({ tools: [tool('a'), tool('b')], tool_choice: allowed, reasoning: { effort: 'none' } }),
    [{ tools: [definition('b')], toolChoice: 'required', think: false }, null],
  );
});

test('log-probabilities come with the text', async () => {
  const server = served();
  const token = { token: 1, text: 'a', bytes: [97], logprob: -0.5 };
  server.backend.script = { deltas: [{ text: 'a', logprobs: [{ ...token, top: [token] }] }] };
  const asked = { ...hi, include: ['message.output_text.logprobs'], top_logprobs: 1 };
  const { output } = (await (await post(server, path, asked)).json()) as {
    output: { content: { logprobs: unknown }[] }[];
  };
  const entry = { token: 'a', bytes: [97], logprob: -0.5 };
  assert.deepEqual(output[0]?.content[0]?.logprobs, [{ ...entry, top_logprobs: [entry] }]);
  assert.equal(server.backend.received.request.logprobs, 1);
});

test('a failure after the headers is an event, behind those that begin a response', async () => {
  const backend = new FakeBackend();
  backend.script = {
    deltas: [],
    pause: 30,
    failure: new EngineError('ENGINE_DIED', { model: 'tiny', reason: 'killed' }),
  };
  const routes = responsesRoutes(backend, served().log, { firstByte: 5, interval: 5 });
  const response = await routes.request('/responses', {
    method: 'POST',
    body: JSON.stringify({ ...hi, stream: true }),
  });
  const events = eventsOf(await response.text());
  assert.deepEqual(typesOf(events), ['response.created', 'response.in_progress', 'response.failed']);
  assert.equal(events.at(-1)?.response?.status, 'failed');
});

test('progress through the prompt is an event where it is asked for', async () => {
  const server = served();
  const progress = { tokens: 3, total: 5, cached: 2, seconds: 0 };
  server.backend.script = { deltas: [{ text: '', logprobs: [], progress }, 'Hi'] };
  const told = async (body: object): Promise<readonly unknown[]> => {
    const events = eventsOf(await (await post(server, path, { ...hi, stream: true, ...body })).text());
    assert.equal(events[0]?.type, 'response.created');
    return events.flatMap((event) => (event as { prompt_progress?: unknown }).prompt_progress ?? []);
  };
  assert.deepEqual(await told({ return_progress: true }), [{ total: 5, cache: 2, processed: 3, time_ms: 0 }]);
  assert.deepEqual(await told({}), []);
});
