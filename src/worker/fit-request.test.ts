import assert from 'node:assert/strict';
import test from 'node:test';
import { thrown } from '../../test/support/engine-error.ts';
import type { Message } from '../chat/message.ts';
import type { GenerationRequest, Prompt } from './backend.ts';
import { fitRequest } from './fit-request.ts';

const engine = { context: 100, longestToken: 10 };
const text = (length: number): Prompt => ({ kind: 'text', text: 'x'.repeat(length), special: false });
const user = (length: number): Message => ({ role: 'user', content: 'x'.repeat(length) });
const chat = (...messages: readonly Message[]): Prompt => ({ kind: 'chat', messages });
const ask = (prompt: Prompt, more: Partial<GenerationRequest> = {}): GenerationRequest => ({
  prompt,
  sampling: {},
  stop: [],
  ...more,
});

test('what may fit stays as it is', () => {
  for (const prompt of [text(1000), chat(...Array.from({ length: 100 }, () => user(10)))]) {
    for (const truncate of [false, true]) {
      const one = ask(prompt, { truncate });
      assert.equal(fitRequest(one, engine), one);
    }
  }
  const spacious = ask(chat({ role: 'user', content: ' '.repeat(9999) }));
  assert.equal(fitRequest(spacious, engine), spacious, 'templates may leave spaces out');
});

test('what cannot fit is refused with the fewest tokens it can have', () => {
  const refusal = (one: GenerationRequest): object => thrown('CONTEXT_TOO_LONG', () => fitRequest(one, engine)).details;
  const least = (prompt: number): object => ({ prompt, context: 100, atLeast: true });
  assert.deepEqual(refusal(ask(text(1001))), least(101));
  assert.deepEqual(refusal(ask(chat(user(500), user(600)))), least(110));
  assert.deepEqual(refusal(ask(chat(...Array.from({ length: 101 }, () => user(0))))), least(101));
  assert.deepEqual(refusal(ask(text(500), { before: Array(60).fill(1) })), least(110));
  assert.deepEqual(refusal(ask(text(201), { context: 20 })), { prompt: 21, context: 20, atLeast: true });
  const tokens: Prompt = { kind: 'tokens', tokens: Array(101).fill(1) };
  assert.deepEqual(refusal(ask(tokens)), { prompt: 101, context: 100, atLeast: false });
  assert.deepEqual(refusal(ask(chat(user(2000)), { truncate: true })), least(200));
});

test('what may be truncated loses what is cut off in any case: of a text its beginning, of a chat the oldest messages', () => {
  assert.deepEqual(fitRequest(ask(text(5000), { truncate: true }), engine).prompt, text(1000));
  const system: Message = { role: 'system', content: 'Be brief.' };
  const last = user(7);
  const many = chat(system, ...Array.from({ length: 500 }, () => user(1)), last);
  const { prompt } = fitRequest(ask(many, { truncate: true }), engine);
  assert.deepEqual(prompt, chat(system, ...Array.from({ length: 98 }, () => user(1)), last));
  const long = chat(system, user(900), user(300), user(600), last);
  assert.deepEqual(fitRequest(ask(long, { truncate: true }), engine).prompt, chat(system, user(300), user(600), last));
});
