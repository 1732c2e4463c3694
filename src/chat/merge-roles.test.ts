import assert from 'node:assert/strict';
import test from 'node:test';
import { acceptableForms } from './merge-roles.ts';
import type { Message } from './message.ts';

/** Forms of messages that are written like "user: Hi". */
const forms = (...lines: readonly string[]): readonly (readonly string[])[] => {
  const messages = lines.map((line): Message => {
    const [role = '', content = ''] = line.split(': ');
    return { role, content };
  });
  return [...acceptableForms({ messages })].map((form) => form.map(({ role, content }) => `${role}: ${content}`));
};

test('turns of user and assistant have no other form', () => {
  assert.deepEqual(forms('user: A', 'assistant: B', 'user: C'), [['user: A', 'assistant: B', 'user: C']]);
});

test('without a system role its texts come first in the first message of the user', () => {
  assert.deepEqual(forms('system: Be brief.', 'user: A'), [['system: Be brief.', 'user: A'], ['user: Be brief.\n\nA']]);
  assert.deepEqual(forms('system: Be brief.')[1], ['user: Be brief.']);
});

test('neighbours of one role are joined by an empty line', () => {
  assert.deepEqual(forms('user: A', 'user: B', 'assistant: C', 'assistant: D'), [
    ['user: A', 'user: B', 'assistant: C', 'assistant: D'],
    ['user: A\n\nB', 'assistant: C\n\nD'],
  ]);
});

test('results of tools stay messages of their own', () => {
  assert.deepEqual(forms('user: A', 'tool: 1', 'tool: 2'), [['user: A', 'tool: 1', 'tool: 2']]);
});

test('before a greeting comes an empty message of the user', () => {
  assert.deepEqual(forms('assistant: Welcome.', 'user: A')[1], ['user: ', 'assistant: Welcome.', 'user: A']);
  assert.deepEqual(forms('system: S', 'assistant: Welcome.', 'user: A').at(-1), [
    'user: ',
    'assistant: Welcome.',
    'user: S\n\nA',
  ]);
});

test('a role that few templates know is the user in the end', () => {
  assert.deepEqual(forms('user: A', 'narrator: B'), [
    ['user: A', 'narrator: B'],
    ['user: A', 'user: B'],
    ['user: A\n\nB'],
  ]);
});

test('calls and thoughts of joined answers are kept', () => {
  const call = { id: 'a', name: 'f', arguments: '{}' };
  const one: Message = { role: 'assistant', content: '', thinking: 'X', toolCalls: [call] };
  const [, joined] = [
    ...acceptableForms({ messages: [{ role: 'user', content: 'A' }, one, { ...one, content: 'B' }] }),
  ];
  assert.deepEqual(joined?.[1], { role: 'assistant', content: 'B', thinking: 'X\n\nX', toolCalls: [call, call] });
});
