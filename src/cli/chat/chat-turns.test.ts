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

const answer = (text: string, thinking = '') => ({ text, thinking });

test('what the model is to answer is the system prompt, what was said, and what is said now', () => {
  const conversation = new ChatTurns(parameters, { system: 'Be kind.' });
  conversation.addTurn('Hi', answer('Hello!'), 12);
  assert.deepEqual(conversation.promptFor('How are you?').messages, [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello!' },
    { role: 'user', content: 'How are you?' },
  ]);
  assert.equal(conversation.tokens, 12);
});

test('a new system prompt keeps what was said, and clearing keeps the system prompt', () => {
  const conversation = new ChatTurns(parameters);
  conversation.addTurn('Hi', answer('Hello!'), 12);
  conversation.system = 'Be brief.';
  assert.equal(conversation.promptFor('Bye').messages.length, 4);
  conversation.clear();
  assert.deepEqual(conversation.promptFor('Bye').messages, [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Bye' },
  ]);
  assert.equal(conversation.tokens, 0);
});

test('thoughts stay with their answer, and the parameters say whether to think', () => {
  const conversation = new ChatTurns({ ...parameters, think: 'low' }, { parseSpecial: true });
  conversation.addTurn('Hi', answer('Hello!', 'Greet.'), 12);
  const { messages, think, parseSpecial } = conversation.promptFor('Bye');
  assert.deepEqual(messages[1], { role: 'assistant', content: 'Hello!', thinking: 'Greet.' });
  assert.deepEqual([think, parseSpecial], ['low', true]);
});

type Step = { readonly kind: 'answered' | 'failed' | 'clear'; readonly text: string };

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('answered', 'answered', 'failed', 'clear'),
  text: fc.string(),
});

test('whatever happens, user and assistant alternate, and what was not answered was never said', () => {
  fc.assert(
    fc.property(fc.array(step), fc.option(fc.string(), { nil: undefined }), (steps, system) => {
      const conversation = new ChatTurns(parameters, { system });
      let said: readonly string[] = [];
      for (const { kind, text } of steps) {
        const asked = conversation.promptFor(text).messages;
        assert.equal(asked.at(-1)?.content, text);
        if (kind === 'clear') {
          conversation.clear();
          said = [];
        }
        if (kind !== 'answered') continue;
        conversation.addTurn(text, answer(`${text}!`), 1);
        said = [...said, text, `${text}!`];
      }
      const first = system === undefined ? [] : [{ role: 'system', content: system }];
      const turns = [...said, 'last'].map((content, i) => ({ role: i % 2 === 0 ? 'user' : 'assistant', content }));
      assert.deepEqual(conversation.promptFor('last').messages, [...first, ...turns]);
    }),
  );
});

test('an earlier conversation goes on with its instructions, unless there are new ones', () => {
  const earlier = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello!' },
  ];
  assert.deepEqual(new ChatTurns(parameters, { earlier }).messages, earlier);
  const [first, ...rest] = new ChatTurns(parameters, { earlier, system: 'Be brief.' }).messages;
  assert.deepEqual([first?.content, rest], ['Be brief.', earlier.slice(1)]);
});
