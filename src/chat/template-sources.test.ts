import assert from 'node:assert/strict';
import test from 'node:test';
import type { Conversation } from './message.ts';
import { sourceFor, type TemplateSources } from './template-sources.ts';

const messages = [{ role: 'user', content: 'Hi' }];
const called = { role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'tide', arguments: '{}' }] };

test('a conversation with tools has the template for tools, where there is one', () => {
  const conversations: readonly Conversation[] = [
    { messages },
    { messages, tools: [{ name: 'tide' }] },
    { messages: [...messages, called] },
    { messages, tools: [{ name: 'tide' }], toolChoice: 'none' },
  ];
  const chosen = (sources: TemplateSources): readonly (string | undefined)[] =>
    conversations.map((conversation) => sourceFor(sources, conversation));
  assert.deepEqual(chosen({ plain: 'p', tools: 't' }), ['p', 't', 't', 'p']);
  assert.deepEqual(chosen({ plain: 'p', tools: undefined }), ['p', 'p', 'p', 'p']);
});
