import assert from 'node:assert/strict';
import test from 'node:test';
import { LoneTokens } from './lone-tokens.ts';

const alone = { decoding: 1, prompts: 0 };

test('tokens that a text decodes alone are counted, with their time', () => {
  const tokens = new LoneTokens();
  assert.deepEqual(tokens.time, { tokens: 0, seconds: 0, waited: 0, disturbed: false });
  tokens.record(alone, 2, 1);
  tokens.record({ decoding: 2, prompts: 0 }, 100, 100);
  tokens.record({ decoding: 1, prompts: 1 }, 100, 100);
  tokens.record(alone, 4, 0);
  assert.deepEqual(tokens.time, { tokens: 2, seconds: 6, waited: 1, disturbed: false });
});

test('a token in which the machine slept says nothing of others', () => {
  const tokens = new LoneTokens();
  for (let i = 0; i < 9; i += 1) tokens.record(alone, 1 + (i % 3), 0.5);
  tokens.record(alone, 3600, 3599);
  assert.deepEqual(tokens.time, { tokens: 9, seconds: 18, waited: 4.5, disturbed: false });
});

test('tokens are those of a busy machine if others were in the way most of the time', () => {
  /** Tokens of a second each, on two cores of which others take these shares; `idle` seconds between them. */
  const disturbed = (shares: readonly number[], idle = 0): boolean => {
    const times = { at: 0, cores: 2, all: 0, own: 0 };
    const tokens = new LoneTokens(
      () => ({ ...times }),
      () => times.at,
    );
    for (const share of shares) {
      times.at += 1 + idle;
      times.all += 2;
      times.own += 2 * (1 - share);
      tokens.record(alone, 1, 0);
    }
    return tokens.time.disturbed;
  };
  // The first token is none that was watched from its begin.
  assert.equal(disturbed([1]), false);
  assert.equal(disturbed([0, 0.5, 0.6, 0]), true);
  assert.equal(disturbed([0, 0.5, 0.1, 0]), false);
  assert.equal(disturbed([0, 0.5, 0.6, 0.7], 10), false, 'what others do between two answers is in nobody’s way');
});

test('the last tokens count, of however many', () => {
  const tokens = new LoneTokens();
  for (let i = 0; i < 1000; i += 1) tokens.record(alone, i < 100 ? 50 : 1, 0);
  assert.deepEqual(tokens.time, { tokens: 512, seconds: 512, waited: 0, disturbed: false });
});
