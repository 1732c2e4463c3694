import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { GivenSampling } from './options.ts';
import { Sampler } from './sampler.ts';

const everything: GivenSampling = { temperature: 1, topK: 0, topP: 1, minP: 0 };

/** Draws `count` tokens from the same logits. */
function draw(logits: readonly number[], given: GivenSampling, count: number): readonly number[] {
  using sampler = new Sampler(logits.length, given);
  const array = Float32Array.from(logits);
  return Array.from({ length: count }, () => sampler.sample(array));
}

function softmax(logits: readonly number[]): readonly number[] {
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const countOf = (tokens: readonly number[], token: number): number => tokens.filter((one) => one === token).length;

const argmax = (logits: readonly number[]): number => logits.indexOf(Math.max(...logits));

/** Logits without ties, in any order. */
const distinctLogits = fc.uniqueArray(fc.integer({ min: -2000, max: 2000 }), { minLength: 1, maxLength: 400 });

test('temperature 0, one candidate, or hardly any probability to keep: always the best token', () => {
  fc.assert(
    fc.property(distinctLogits, (tenths) => {
      const logits = tenths.map((n) => n / 10);
      for (const given of [{ temperature: 0 }, { topK: 1 }, { topP: 0 }, { minP: 1 }, { temperature: 1e-30 }]) {
        assert.deepEqual(draw(logits, given, 2), [argmax(logits), argmax(logits)]);
      }
    }),
  );
});

test('the same seed draws the same tokens, another one draws others', () => {
  const logits = Array.from({ length: 500 }, (_, i) => Math.sin(i * i));
  const tokens = draw(logits, { ...everything, seed: 7 }, 50);
  assert.deepEqual(draw(logits, { ...everything, seed: 7 }, 50), tokens);
  assert.notDeepEqual(draw(logits, { ...everything, seed: 8 }, 50), tokens);
});

test('the seed in use is known, and draws the same tokens again', () => {
  const logits = Float32Array.from({ length: 500 }, (_, i) => Math.sin(i * i));
  using first = new Sampler(500, everything);
  using second = new Sampler(500, { ...everything, seed: first.seed });
  using other = new Sampler(500, everything);
  assert.ok(Number.isInteger(first.seed) && first.seed >= 0 && first.seed < 2 ** 32 - 1);
  assert.notEqual(other.seed, first.seed);
  for (let i = 0; i < 50; i++) assert.equal(second.sample(logits), first.sample(logits));
});

test('tokens are drawn with the probabilities of the softmax at the temperature', () => {
  const logits = [1, 0.2, -0.5, 2, 0.9, -1.3];
  for (const temperature of [0.7, 1, 1.8]) {
    const count = 20_000;
    const tokens = draw(logits, { ...everything, temperature, seed: 42 }, count);
    const expected = softmax(logits.map((logit) => logit / temperature)).map((p) => p * count);
    const chiSquare = expected.reduce((sum, e, token) => sum + (countOf(tokens, token) - e) ** 2 / e, 0);
    // 5 degrees of freedom: 30.9 is exceeded once in 100 thousand
    assert.ok(chiSquare < 30.9, `${temperature}: ${chiSquare}`);
  }
});

test('top-k, top-p and min-p draw from what they keep, and from all of it', () => {
  const logits = softmax([4, 3, 2, 1, 0]).map(Math.log); // 0.64, 0.23, 0.09, 0.03, 0.01
  const drawn = (given: GivenSampling): readonly number[] =>
    [...new Set(draw(logits, { ...everything, ...given, seed: 1 }, 3000))].sort();
  assert.deepEqual(drawn({ topK: 2 }), [0, 1]);
  assert.deepEqual(drawn({ topP: 0.9 }), [0, 1, 2]);
  assert.deepEqual(drawn({ minP: 0.1 }), [0, 1, 2]);
  assert.deepEqual(drawn({}), [0, 1, 2, 3, 4]);
});

test('each penalty makes tokens that were accepted rarer', () => {
  const logits = Float32Array.from([2, 2, 2, 2]);
  const shareOfFirst = (given: GivenSampling): number => {
    using sampler = new Sampler(4, { ...everything, seed: 3, ...given });
    for (let i = 0; i < 3; i++) sampler.accept(0);
    return (
      countOf(
        Array.from({ length: 2000 }, () => sampler.sample(logits)),
        0,
      ) / 2000
    );
  };
  const without = shareOfFirst({});
  assert.ok(Math.abs(without - 0.25) < 0.04);
  for (const given of [{ repeatPenalty: 2 }, { frequencyPenalty: 0.5 }, { presencePenalty: 1 }]) {
    assert.ok(shareOfFirst(given) < without - 0.05, JSON.stringify(given));
  }
});

test('penalties hold at temperature 0 too, and only for the last tokens', () => {
  const logits = Float32Array.from([2, 1.9, 0, 0]);
  using sampler = new Sampler(4, { temperature: 0, repeatPenalty: 1.5, repeatLastN: 2 });
  assert.equal(sampler.sample(logits), 0);
  sampler.accept(0);
  assert.equal(sampler.sample(logits), 1);
  sampler.accept(2);
  sampler.accept(3);
  assert.equal(sampler.sample(logits), 0);
});

test('the logits stay as they are', () => {
  const logits = Float32Array.from([3, 1, 2]);
  using sampler = new Sampler(3, { repeatPenalty: 2, seed: 1 });
  sampler.accept(0);
  sampler.sample(logits);
  assert.deepEqual([...logits], [3, 1, 2]);
});

test('NaN and infinities crash nothing, and a number is preferred to NaN', () => {
  const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, -3.4e38, 0, 5);
  const given = fc.constantFrom<GivenSampling>(
    ...[{}, { temperature: 0 }, { topK: 0 }, everything, { topK: 200 }, { minP: 0.1, topK: 0, repeatPenalty: 3 }],
  );
  fc.assert(
    fc.property(fc.array(odd, { minLength: 1, maxLength: 3000, size: 'max' }), given, (logits, options) => {
      using sampler = new Sampler(logits.length, options);
      sampler.accept(0);
      const token = sampler.sample(Float32Array.from(logits));
      assert.ok(token >= 0 && token < logits.length);
    }),
  );
  for (const options of [{}, { temperature: 0 }, { topK: 0 }, everything]) {
    assert.deepEqual(draw([Number.NaN, 1, Number.NEGATIVE_INFINITY, Number.NaN], options, 3), [1, 1, 1]);
    assert.deepEqual(draw([1, Number.POSITIVE_INFINITY, Number.NaN], options, 3), [1, 1, 1]);
  }
});

test('logits beyond the vocabulary are never drawn, missing ones neither', () => {
  using sampler = new Sampler(4, { ...everything, seed: 5 });
  for (let i = 0; i < 50; i++) {
    assert.ok(sampler.sample(Float32Array.from([0, 0, 0, 0, 99])) < 4);
    assert.ok(sampler.sample(Float32Array.from([0, 0])) < 2);
  }
});
