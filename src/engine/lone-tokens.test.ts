import assert from 'node:assert/strict';
import test from 'node:test';
import { LoneTokens } from './lone-tokens.ts';

const alone = { decoding: 1, prompts: 0 };

test('tokens that a text decodes alone are counted, with their time', () => {
  const tokens = new LoneTokens();
  assert.deepEqual(tokens.time, { tokens: 0, seconds: 0, waited: 0 });
  tokens.record(alone, 2, 1);
  tokens.record({ decoding: 2, prompts: 0 }, 100, 100);
  tokens.record({ decoding: 1, prompts: 1 }, 100, 100);
  tokens.record(alone, 4, 0);
  assert.deepEqual(tokens.time, { tokens: 2, seconds: 6, waited: 1 });
});

test('a token in which the machine slept says nothing of others', () => {
  const tokens = new LoneTokens();
  for (let i = 0; i < 9; i += 1) tokens.record(alone, 1 + (i % 3), 0.5);
  tokens.record(alone, 3600, 3599);
  assert.deepEqual(tokens.time, { tokens: 9, seconds: 18, waited: 4.5 });
});

test('the last tokens count, of however many', () => {
  const tokens = new LoneTokens();
  for (let i = 0; i < 1000; i += 1) tokens.record(alone, i < 100 ? 50 : 1, 0);
  assert.deepEqual(tokens.time, { tokens: 512, seconds: 512, waited: 0 });
});
