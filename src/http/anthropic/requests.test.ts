import assert from 'node:assert/strict';
import test from 'node:test';
import { post, type Served, served } from '../../../test/support/served.ts';
import type { Message } from '../../chat/message.ts';

const hi = { model: 'tiny:q4_1', max_tokens: 16, messages: [{ role: 'user', content: 'Hi' }] };

const prompted = async (server: Served, body: object): Promise<unknown> => {
  assert.equal((await post(server, '/v1/messages', { ...hi, ...body })).status, 200);
  return server.backend.received.request.prompt;
};

test('the system comes first, as a text or in blocks, and messages have texts or blocks', async () => {
  const server = served();
  const blocks = (...texts: string[]): object[] => texts.map((text) => ({ type: 'text', text }));
  assert.deepEqual(await prompted(server, { system: 'Be brief.' }), {
    kind: 'chat',
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ],
  });
  const messages = [
    { role: 'user', content: blocks('One', 'two') },
    { role: 'assistant', content: 'Three' },
    { role: 'user', content: 'Go on' },
  ];
  assert.deepEqual(await prompted(server, { system: blocks('A', 'B'), messages }), {
    kind: 'chat',
    messages: [
      { role: 'system', content: 'A\nB' },
      { role: 'user', content: 'One\ntwo' },
      { role: 'assistant', content: 'Three' },
      { role: 'user', content: 'Go on' },
    ],
  });
});

test('a checksum that changes with every request does not spoil the prefix', async () => {
  const server = served();
  const system = (sum: string): string => `x-anthropic-billing-header: cc_version=2.1; cch=${sum};You are Claude Code.`;
  assert.deepEqual(
    await prompted(server, { system: system('a5145') }),
    await prompted(server, { system: system('00f7e') }),
  );
});

test('a history with thoughts, calls and their results becomes messages', async () => {
  const server = served();
  const messages = [
    { role: 'user', content: 'Add' },
    {
      role: 'assistant',
      content: [
        { type: 'thinking', thinking: 'Hm', signature: '' },
        { type: 'text', text: 'So.' },
        { type: 'tool_use', id: 'a', name: 'add', input: { a: 1 } },
      ],
    },
    {
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: '2' }] },
        { type: 'text', text: 'Thanks' },
      ],
    },
  ];
  assert.deepEqual(await prompted(server, { messages }), {
    kind: 'chat',
    messages: [
      { role: 'user', content: 'Add' },
      {
        role: 'assistant',
        content: 'So.',
        thinking: 'Hm',
        toolCalls: [{ id: 'a', name: 'add', arguments: '{"a":1}' }],
      },
      { role: 'tool', toolCallId: 'a', toolName: 'add', content: '2' },
      { role: 'user', content: 'Thanks' },
    ],
  });
});

test('tools, the choice among them and thinking reach the template', async () => {
  const server = served();
  const input_schema = { type: 'object', properties: {} };
  const asked = async (body: object): Promise<object> => {
    const { kind, messages, ...rest } = (await prompted(server, body)) as Record<string, unknown>;
    return rest;
  };
  const tools = [{ name: 'now', description: 'The time', input_schema }];
  const known = [{ name: 'now', description: 'The time', parameters: input_schema }];
  assert.deepEqual(
    await asked({
      tools,
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      thinking: { type: 'enabled', budget_tokens: 1024 },
    }),
    {
      tools: known,
      toolChoice: 'required',
      parallelToolCalls: false,
      think: true,
    },
  );
  assert.equal(server.backend.received.request.thinkBudget, 1024);
  assert.deepEqual(await asked({ tools, tool_choice: { type: 'tool', name: 'now' } }), {
    tools: known,
    toolChoice: { name: 'now' },
  });
  assert.deepEqual(await asked({ thinking: { type: 'disabled' } }), { think: false });
  assert.deepEqual(await asked({ thinking: { type: 'adaptive' }, output_config: { effort: 'low' } }), { think: 'low' });
  assert.deepEqual(await asked({ thinking: { type: 'adaptive' } }), {});
});

test('a schema for the answer reaches the engine, and another form is refused', async () => {
  const server = served();
  const schema = { type: 'object' };
  const format = { type: 'json_schema', schema };
  for (const how of [{ output_config: { format } }, { output_format: format }]) {
    await prompted(server, how);
    assert.deepEqual(server.backend.received.request.grammar, { kind: 'schema', schema });
  }
  const wrong = { ...hi, output_config: { format: { type: 'poem' } } };
  assert.equal((await post(server, '/v1/messages', wrong)).status, 400);
});

test('a tool that has failed says so to the model', async () => {
  const result = async (block: object): Promise<unknown> => {
    const call = { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'add', input: {} }] };
    const content = [{ type: 'tool_result', tool_use_id: 'a', ...block }];
    const messages = [{ role: 'user', content: 'Add' }, call, { role: 'user', content }];
    const prompt = (await prompted(served(), { messages })) as { readonly messages: readonly Message[] };
    return prompt.messages.at(-1)?.content;
  };
  assert.equal(await result({ content: 'no such file', is_error: true }), 'Error: no such file');
  assert.equal(await result({ content: [{ type: 'text', text: '<error>no' }], is_error: true }), '<error>no');
  assert.equal(await result({ is_error: true }), 'Error');
  assert.equal(await result({ content: 'well', is_error: false }), 'well');
});
