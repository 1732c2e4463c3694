import assert from 'node:assert/strict';
import test from 'node:test';
import type { Conversation } from './message.ts';
import { templateVariables } from './template-variables.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const weather = { name: 'weather', description: 'The weather', parameters: { type: 'object' } };

type Variable =
  | 'messages'
  | 'tools'
  | 'enable_thinking'
  | 'thinking'
  | 'thinking_mode'
  | 'reasoning_effort'
  | 'thinking_effort'
  | 'greeting';

const variables = (conversation: Partial<Conversation>): Partial<Record<Variable, unknown>> => ({
  ...templateVariables({ messages, ...conversation }),
});

test('a plain conversation sets its messages, and no tools', () => {
  assert.deepEqual(variables({}), { messages, tools: null });
});

test('thoughts, calls and results stand in a message under the names that templates look for', () => {
  const call = { id: 'a', name: 'weather', arguments: '{"city":"Oslo"}' };
  const talk = [
    { role: 'assistant', content: '', thinking: 'Look it up.', toolCalls: [call, { ...call, arguments: 'Oslo' }] },
    { role: 'tool', content: '3 C', toolName: 'weather', toolCallId: 'a' },
  ];
  const shown = (args: unknown) => ({ id: 'a', type: 'function', function: { name: 'weather', arguments: args } });
  assert.deepEqual(variables({ messages: talk }).messages, [
    {
      role: 'assistant',
      content: '',
      reasoning_content: 'Look it up.',
      thinking: 'Look it up.',
      reasoning: 'Look it up.',
      tool_calls: [shown({ city: 'Oslo' }), shown('Oslo')],
    },
    { role: 'tool', content: '3 C', name: 'weather', tool_call_id: 'a' },
  ]);
});

test('tools are shown unless none may be called', () => {
  assert.deepEqual(variables({ tools: [weather] }).tools, [{ type: 'function', function: weather }]);
  assert.equal(variables({ tools: [weather], toolChoice: 'none' }).tools, null);
  assert.equal(variables({ tools: [] }).tools, null);
});

test('thinking is switched under all names, and a level is an effort', () => {
  const off = { enable_thinking: false, thinking: false, thinking_mode: 'disabled' };
  assert.deepEqual(variables({ think: false }), { messages, tools: null, ...off });
  const { enable_thinking, thinking, reasoning_effort, thinking_effort } = variables({ think: 'low' });
  assert.deepEqual([enable_thinking, thinking, reasoning_effort, thinking_effort], [true, true, 'low', 'low']);
});

test('arguments for the template count before what `think` sets, but never change the messages', () => {
  const templateArguments = { enable_thinking: true, greeting: 'Ahoy', messages: [], tools: [] };
  const { enable_thinking, thinking, thinking_mode, greeting, ...others } = variables({
    think: false,
    templateArguments,
  });
  assert.deepEqual([enable_thinking, thinking, thinking_mode, greeting], [true, false, 'disabled', 'Ahoy']);
  assert.deepEqual(others, { messages, tools: null });
});
