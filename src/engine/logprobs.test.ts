import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { drawnLogprob, logprobOf } from './logprobs.ts';

const anyLogits = fc
  .array(fc.oneof(fc.double({ min: -80, max: 80, noNaN: true }), fc.constantFrom(0, 1, Number.NEGATIVE_INFINITY)), {
    minLength: 1,
    maxLength: 50,
  })
  .filter((logits) => logits.some(Number.isFinite))
  .map((logits) => Float32Array.from(logits));

test('log-probabilities are those of a softmax over the whole vocabulary', () => {
  const { token, logprob, top } = logprobOf(Float32Array.of(1, 3, 2, -1), 2, 2);
  const sum = Math.E + Math.E ** 3 + Math.E ** 2 + 1 / Math.E;
  assert.equal(token, 2);
  assert.ok(Math.abs(logprob - Math.log(Math.E ** 2 / sum)) < 1e-12);
  assert.deepEqual(
    top.map((one) => one.token),
    [1, 2],
  );
  assert.equal(top[1]?.logprob, logprob);
});

test('all of them together are certain, and none is above zero', () => {
  fc.assert(
    fc.property(anyLogits, (logits) => {
      const { top } = logprobOf(logits, 0, logits.length);
      assert.ok(Math.abs(top.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0) - 1) < 1e-9);
      assert.ok(top.every(({ logprob }) => logprob <= 1e-12));
    }),
  );
});

test('the likeliest come first, the earliest of equals, as many as are asked for and there are', () => {
  fc.assert(
    fc.property(anyLogits, fc.nat(60), fc.nat(), (logits, count, any) => {
      const token = any % logits.length;
      const { top, logprob } = logprobOf(logits, token, count);
      const order = [...logits.keys()].sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0) || a - b);
      assert.deepEqual(
        top.map((one) => one.token),
        order.slice(0, count),
      );
      assert.ok(logprobOf(logits, order[0] ?? 0, 0).logprob >= logprob);
    }),
  );
});

test('large logits do not overflow, and what is masked is impossible', () => {
  const { logprob, top } = logprobOf(Float32Array.of(1e4, Number.NEGATIVE_INFINITY, 1e4), 1, 3);
  assert.equal(logprob, Number.NEGATIVE_INFINITY);
  assert.ok(Math.abs((top[0]?.logprob ?? 0) + Math.LN2) < 1e-12);
});

test('after sampling, what is left over shares the probability, and impossible tokens are no candidates', () => {
  const distribution = { tokens: Int32Array.of(4, 7, 9), probabilities: Float32Array.of(0.25, 0.75, 0) };
  const { token, logprob, top } = drawnLogprob(distribution, 4, 10);
  assert.deepEqual([token, Math.exp(logprob)], [4, 0.25]);
  assert.deepEqual(
    top.map((one) => [one.token, Math.exp(one.logprob)]),
    [
      [7, 0.75],
      [4, 0.25],
    ],
  );
  assert.deepEqual(
    drawnLogprob(distribution, 7, 1).top.map((one) => one.token),
    [7],
  );
});
