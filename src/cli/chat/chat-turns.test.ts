import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Parameters } from '../options/parameters.ts';
import { ChatTurns } from './chat-turns.ts';

const parameters: Parameters = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repeatPenalty: 1,
  seed: undefined,
  stop: [],
};

test('what the model is to answer is the system prompt, what was said, and what is said now', () => {
  const conversation = new ChatTurns('Be kind.', parameters);
  conversation.addTurn('Hi', 'Hello!', 12);
  assert.deepEqual(conversation.messagesWith('How are you?'), [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello!' },
    { role: 'user', content: 'How are you?' },
  ]);
  assert.equal(conversation.tokens, 12);
});

test('a new system prompt keeps what was said, and clearing keeps the system prompt', () => {
  const conversation = new ChatTurns(undefined, parameters);
  conversation.addTurn('Hi', 'Hello!', 12);
  conversation.system = 'Be brief.';
  assert.equal(conversation.messagesWith('Bye').length, 4);
  conversation.clear();
  assert.deepEqual(conversation.messagesWith('Bye'), [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Bye' },
  ]);
  assert.equal(conversation.tokens, 0);
});

type Step = { readonly kind: 'answered' | 'failed' | 'clear'; readonly text: string };

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('answered', 'answered', 'failed', 'clear'),
  text: fc.string(),
});

test('whatever happens, user and assistant alternate, and what was not answered was never said', () => {
  fc.assert(
    fc.property(fc.array(step), fc.option(fc.string(), { nil: undefined }), (steps, system) => {
      const conversation = new ChatTurns(system, parameters);
      let said: readonly string[] = [];
      for (const { kind, text } of steps) {
        const asked = conversation.messagesWith(text);
        assert.equal(asked.at(-1)?.content, text);
        if (kind === 'clear') {
          conversation.clear();
          said = [];
        }
        if (kind !== 'answered') continue;
        conversation.addTurn(text, `${text}!`, 1);
        said = [...said, text, `${text}!`];
      }
      const first = system === undefined ? [] : [{ role: 'system', content: system }];
      const turns = [...said, 'last'].map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
      assert.deepEqual(conversation.messagesWith('last'), [...first, ...turns]);
    }),
  );
});
