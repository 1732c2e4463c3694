import assert from 'node:assert/strict';
import test from 'node:test';
import { dataOf, post, served } from '../../../test/support/served.ts';
import type { ToolCallDelta } from '../../chat/message.ts';
import type { Delta, Prompt } from '../../worker/backend.ts';

const path = '/v1/chat/completions';
const messages = [{ role: 'user', content: 'When is high tide?' }];
const parameters = { type: 'object', properties: { port: { type: 'string' } } };
const tools = [
  { type: 'function', function: { name: 'tide', description: 'Times', parameters, strict: true } },
  { type: 'function', function: { name: 'ebb' } },
];

const delta = (...toolCalls: readonly ToolCallDelta[]): Delta => ({ text: '', toolCalls, logprobs: [] });
const deltas: readonly Delta[] = [
  { text: 'Let me see.', logprobs: [] },
  delta({ index: 0, id: 'abc', name: 'tide', arguments: '{"port"' }),
  delta({ index: 0, arguments: ':"Ives"}' }, { index: 1, id: 'def', name: 'ebb', arguments: '' }),
  delta({ index: 1, arguments: '{}' }),
];

interface Body {
  readonly choices: readonly { readonly message: object; readonly finish_reason: string; readonly delta: object }[];
  readonly error: { readonly param: string };
}

test('a whole answer has its calls, and ends for their results', async () => {
  const server = served();
  server.backend.script = { deltas, ending: { reason: 'toolCalls' } };
  const { choices } = (await (await post(server, path, { messages, tools })).json()) as Body;
  assert.deepEqual(choices[0]?.message, {
    role: 'assistant',
    content: 'Let me see.',
    tool_calls: [
      { id: 'abc', type: 'function', function: { name: 'tide', arguments: '{"port":"Ives"}' } },
      { id: 'def', type: 'function', function: { name: 'ebb', arguments: '{}' } },
    ],
    refusal: null,
  });
  assert.equal(choices[0]?.finish_reason, 'tool_calls');
  server.backend.script = { deltas: deltas.slice(1), ending: { reason: 'toolCalls' } };
  const alone = (await (await post(server, path, { messages, tools })).json()) as Body;
  assert.deepEqual(
    alone.choices.map(({ message }) => Object.entries(message)[1]),
    [['content', null]],
  );
});

test('a stream has the parts of calls as they come, each call begun with id and name', async () => {
  const server = served();
  server.backend.script = { deltas, ending: { reason: 'toolCalls' } };
  const response = await post(server, path, { messages, tools, stream: true });
  const chunks = dataOf(await response.text()).slice(0, -1);
  assert.deepEqual(
    chunks
      .map((chunk) => (JSON.parse(chunk) as Body).choices[0])
      .map((choice) => [choice?.delta, choice?.finish_reason]),
    [
      [{ role: 'assistant', content: null }, null],
      [{ content: 'Let me see.' }, null],
      [
        { tool_calls: [{ index: 0, id: 'abc', type: 'function', function: { name: 'tide', arguments: '{"port"' } }] },
        null,
      ],
      [
        {
          tool_calls: [
            { index: 0, function: { arguments: ':"Ives"}' } },
            { index: 1, id: 'def', type: 'function', function: { name: 'ebb', arguments: '' } },
          ],
        },
        null,
      ],
      [{ tool_calls: [{ index: 1, function: { arguments: '{}' } }] }, null],
      [{}, 'tool_calls'],
    ],
  );
});

test('tools, the choice of them, and whether several calls may come reach the conversation', async () => {
  const asked = async (given: object): Promise<Prompt> => {
    const server = served();
    assert.equal((await post(server, path, { messages, ...given })).status, 200);
    return server.backend.received.request.prompt;
  };
  const known = [{ name: 'tide', description: 'Times', parameters, strict: true }, { name: 'ebb' }];
  assert.deepEqual(await asked({ tools }), { kind: 'chat', messages, tools: known });
  for (const [tool_choice, toolChoice] of [
    ['auto', 'auto'],
    ['none', 'none'],
    ['required', 'required'],
    [{ type: 'function', function: { name: 'ebb' } }, { name: 'ebb' }],
  ]) {
    assert.deepEqual(await asked({ tools, tool_choice, parallel_tool_calls: false }), {
      kind: 'chat',
      messages,
      tools: known,
      toolChoice,
      parallelToolCalls: false,
    });
  }
});

test('tools and choices that cannot be are refused by name', async () => {
  for (const [given, param] of [
    [{ tools: 'tide' }, 'tools'],
    [{ tools: [{ type: 'web_search' }] }, 'tools[0].type'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
    [{ tools: [{ type: 'function', function: { name: '' } }] }, 'tools[0].function.name'],
    [{ tools: [{ type: 'function', function: { name: 'f', parameters: [] } }] }, 'tools[0].function.parameters'],
    [{ tools, tool_choice: 'some' }, 'tool_choice'],
    [{ tools, tool_choice: { type: 'function', function: { name: 'flood' } } }, 'tool_choice'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools, parallel_tool_calls: 'no' }, 'parallel_tool_calls'],
  ] as const) {
    const response = await post(served(), path, { messages, ...given });
    assert.equal(response.status, 400, JSON.stringify(given));
    assert.equal(((await response.json()) as Body).error.param, param);
  }
});

test('a history with calls and results is a conversation', async () => {
  const server = served();
  const call = { id: 'c1', type: 'function', function: { name: 'tide', arguments: '{}' } };
  const history = [
    ...messages,
    { role: 'assistant', content: null, tool_calls: [call] },
    { role: 'tool', tool_call_id: 'c1', content: '14:20' },
  ];
  assert.equal((await post(server, path, { messages: history })).status, 200);
  const { prompt } = server.backend.received.request;
  assert.deepEqual(prompt.kind === 'chat' && prompt.messages.slice(1), [
    { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'tide', arguments: '{}' }] },
    { role: 'tool', content: '14:20', toolCallId: 'c1' },
  ]);
});

test('calls in a history may lack an id, and have arguments that are an object, no JSON, or missing', async () => {
  const server = served();
  const calls = [{ port: 'Ives' }, 'no JSON', undefined].map((args) => ({
    function: { name: 'tide', arguments: args },
  }));
  const results = [
    { type: 'text', text: '14:20' },
    { type: 'text', text: 'or later' },
  ];
  const history = [...messages, { role: 'assistant', tool_calls: calls }, { role: 'tool', content: results }];
  assert.equal((await post(server, path, { messages: history })).status, 200);
  const { prompt } = server.backend.received.request;
  const [, asked, told] = prompt.kind === 'chat' ? prompt.messages : [];
  assert.deepEqual(
    asked?.toolCalls?.map((call) => [call.id, call.arguments]),
    [
      ['call_0', '{"port":"Ives"}'],
      ['call_1', 'no JSON'],
      ['call_2', '{}'],
    ],
  );
  assert.equal(told?.content, '14:20\nor later');
});
