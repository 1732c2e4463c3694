import assert from 'node:assert/strict';
import test from 'node:test';
import { AnswerMeter, timingsOf } from './timings.ts';

const counts = (timings: object): readonly unknown[] => {
  const { cache_n, prompt_n, predicted_n } = timings as Record<string, number>;
  return [cache_n, prompt_n, predicted_n];
};

test('times are of the tokens that were computed, and finite where nothing was', () => {
  const spent = { promptTokens: 10, cachedTokens: 6, promptSeconds: 2, answerTokens: 4, answerSeconds: 0.5 };
  assert.deepEqual(timingsOf(spent), {
    cache_n: 6,
    prompt_n: 4,
    prompt_ms: 2000,
    prompt_per_token_ms: 500,
    prompt_per_second: 2,
    predicted_n: 4,
    predicted_ms: 500,
    predicted_per_token_ms: 125,
    predicted_per_second: 8,
  });
  const nothing = timingsOf({ promptTokens: 3, cachedTokens: 3, promptSeconds: 0, answerTokens: 0, answerSeconds: 0 });
  assert.ok(Object.values(nothing).every(Number.isFinite));
});

test('an answer under way is counted as it comes', () => {
  const meter = new AnswerMeter(5);
  assert.deepEqual(counts(meter.timings), [0, 5, 0]);
  meter.read({ text: '', logprobs: [], progress: { tokens: 5, total: 5, cached: 2, seconds: 0 } });
  meter.read({ text: 'a', logprobs: [], token: 1, answerTokens: 1 });
  meter.read({ text: 'bc', logprobs: [], token: 3, answerTokens: 3 });
  meter.read({ text: 'd', logprobs: [] });
  assert.equal(meter.answerTokens, 3);
  assert.deepEqual(counts(meter.timings), [2, 3, 3]);
});
