import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { probabilityOf } from './distribution.ts';
import { LogitsChain } from './logits-chain.ts';
import { defaultSampling, type PartialSamplingOptions } from './sampling-options.ts';

const everything: PartialSamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };

/** Probabilities of the tokens after `text`. */
function probabilities(
  logits: readonly number[],
  given: PartialSamplingOptions,
  text: readonly number[] = [],
): readonly number[] {
  using sampler = new LogitsChain(logits.length, given);
  const distribution = sampler.distribution(Float32Array.from(logits), text);
  return logits.map((_, token) => probabilityOf(distribution, token));
}

function softmax(logits: readonly number[]): readonly number[] {
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const argmax = (logits: readonly number[]): number => logits.indexOf(Math.max(...logits));

const onlyThe = (token: number, logits: readonly number[]): readonly number[] =>
  logits.map((_, other) => (other === token ? 1 : 0));

function assertClose(actual: readonly number[], expected: readonly number[], message = ''): void {
  assert.equal(actual.length, expected.length);
  for (const [token, probability] of expected.entries()) {
    const difference = Math.abs((actual[token] ?? Number.NaN) - probability);
    assert.ok(difference < 2e-6, `${message} token ${token}: ${actual[token]} instead of ${probability}`);
  }
}

/** Logits without ties, in any order. */
const distinctLogits = fc.uniqueArray(fc.integer({ min: -2000, max: 2000 }), { minLength: 1, maxLength: 400 });

test('temperature 0, one candidate, or hardly any probability to keep: only the best token', () => {
  fc.assert(
    fc.property(distinctLogits, (tenths) => {
      const logits = tenths.map((n) => n / 10);
      for (const given of [{ temperature: 0 }, { topK: 1 }, { topP: 0 }, { minP: 1 }, { temperature: 1e-30 }]) {
        assert.deepEqual(probabilities(logits, given), onlyThe(argmax(logits), logits), JSON.stringify(given));
      }
    }),
  );
});

test('the probabilities are those of the softmax at the temperature', () => {
  const tenths = fc.array(fc.integer({ min: -300, max: 300 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(tenths, fc.constantFrom(0.2, 0.7, 1, 1.8, 100), (values, temperature) => {
      const logits = values.map((n) => n / 10);
      const expected = softmax(logits.map((logit) => logit / temperature));
      assertClose(probabilities(logits, { ...everything, temperature }), expected);
    }),
  );
});

test('top-k, top-p and min-p keep what they say, and give it all of the probability', () => {
  const shares = softmax([4, 3, 2, 1, 0]); // 0.64, 0.23, 0.09, 0.03, 0.01
  const logits = shares.map(Math.log);
  const kept = (given: PartialSamplingOptions, count: number): void => {
    const sum = shares.slice(0, count).reduce((a, b) => a + b);
    const expected = shares.map((share, token) => (token < count ? share / sum : 0));
    assertClose(probabilities(logits, { ...everything, ...given }), expected, JSON.stringify(given));
  };
  kept({ topK: 2 }, 2);
  kept({ topP: 0.9 }, 3);
  kept({ minP: 0.1 }, 3);
  // One standard deviation of 4, 3, 2, 1, 0 is 1.41 (or 1.58).
  kept({ topNSigma: 1 }, 2);
  kept({ topK: 4, topP: 0.999, minP: 0.03 }, 4);
  kept({ topK: 99 }, 5);
  kept({}, 5);
});

test('top-p and min-p look at the probabilities before the temperature', () => {
  const logits = softmax([4, 3, 2, 1, 0]).map(Math.log);
  for (const given of [{ topP: 0.9 }, { minP: 0.1 }]) {
    const hot = probabilities(logits, { ...everything, ...given, temperature: 100 });
    assertClose(hot, [...softmax(logits.slice(0, 3).map((logit) => logit / 100)), 0, 0]);
  }
});

test('a large vocabulary is no different', () => {
  const logits = Array.from({ length: 2000 }, (_, i) => 9 * Math.sin(i * i));
  const [first, second] = [...logits].sort((a, b) => b - a);
  for (const given of [{ topK: 40 }, { topK: 400 }, { topP: 0.5 }, { minP: 0.5 }, {}]) {
    const likely = probabilities(logits, { ...everything, ...given });
    const one = likely[logits.indexOf(first ?? 0)] ?? 0;
    const other = likely[logits.indexOf(second ?? 0)] ?? 0;
    assert.equal(likely.filter((p) => p > 0).length, expectedCount(logits, given), JSON.stringify(given));
    assert.ok(Math.abs(likely.reduce((a, b) => a + b) - 1) < 1e-4);
    assert.ok(Math.abs(other / one - Math.exp((second ?? 0) - (first ?? 0))) < 1e-5);
  }
});

/** The number of tokens that one of top-k, top-p and min-p keeps. */
function expectedCount(logits: readonly number[], { topK, topP = 1, minP = 0 }: PartialSamplingOptions): number {
  const shares = [...softmax(logits)].sort((a, b) => b - a);
  if (minP > 0) return shares.filter((share) => share >= minP * (shares[0] ?? 0)).length;
  let sum = 0;
  const untilEnough = shares.findIndex((share) => {
    sum += share;
    return sum >= topP;
  });
  return topK ?? (topP < 1 ? untilEnough + 1 : logits.length);
}

test('each penalty changes the logits of the last tokens as it says', () => {
  const logits = [2, -1, 0.5, 3];
  const text = [3, 0, 0, 1]; // the first token is too long ago
  const after = (given: PartialSamplingOptions, expected: readonly number[]): void =>
    assertClose(
      probabilities(logits, { ...everything, repeatLastN: 3, ...given }, text),
      softmax(expected),
      JSON.stringify(given),
    );
  after({}, logits);
  after({ repeatPenalty: 2 }, [1, -2, 0.5, 3]);
  after({ frequencyPenalty: 0.5 }, [1, -1.5, 0.5, 3]);
  after({ presencePenalty: 0.5 }, [1.5, -1.5, 0.5, 3]);
  after({ presencePenalty: -1 }, [3, 0, 0.5, 3]);
  after({ repeatPenalty: 2, frequencyPenalty: 0.5, presencePenalty: 0.25 }, [-0.25, -2.75, 0.5, 3]);
  after({ repeatPenalty: 2, repeatLastN: 0 }, logits);
  after({ repeatPenalty: 2, repeatLastN: 1 }, [2, -2, 0.5, 3]);
  after({ repeatPenalty: 2, repeatLastN: 64 }, [1, -2, 0.5, 1.5]);
});

test('penalties come before the best tokens are taken, at temperature 0 too', () => {
  const logits = [2, 1.9, 0, 0];
  const best = (text: readonly number[], given: PartialSamplingOptions): readonly number[] =>
    probabilities(logits, { repeatPenalty: 1.5, repeatLastN: 2, ...given }, text);
  for (const given of [{ temperature: 0 }, { topK: 1 }]) {
    assert.deepEqual(best([], given), [1, 0, 0, 0]);
    assert.deepEqual(best([0], given), [0, 1, 0, 0]);
    assert.deepEqual(best([0, 2], given), [0, 1, 0, 0]);
    assert.deepEqual(best([0, 2, 3], given), [1, 0, 0, 0]);
  }
});

test('the same text has the same distribution, whatever was asked before', () => {
  const token = fc.nat({ max: 7 });
  const asked = fc.array(fc.tuple(fc.array(fc.float({ min: -9, max: 9, noNaN: true })), fc.array(token)), {
    maxLength: 8,
  });
  const given = fc.record<PartialSamplingOptions>({
    temperature: fc.constantFrom(0, 0.8, 1),
    topK: fc.nat({ max: 9 }),
    topP: fc.constantFrom(0.3, 0.9, 1),
    minP: fc.constantFrom(0, 0.1),
    repeatPenalty: fc.constantFrom(1, 1.5),
    frequencyPenalty: fc.constantFrom(0, 0.5),
    repeatLastN: fc.nat({ max: 4 }),
  });
  fc.assert(
    fc.property(given, asked, fc.array(token), (options, before, text) => {
      using used = new LogitsChain(8, options);
      using fresh = new LogitsChain(8, options);
      for (const [logits, other] of before) used.distribution(Float32Array.from(logits), other);
      const logits = Float32Array.from({ length: 8 }, (_, i) => 3 * Math.sin(i * i));
      const distribution = used.distribution(logits, text);
      assert.deepEqual(distribution, fresh.distribution(logits, text));
      used.distribution(new Float32Array(8), [7]);
      assert.deepEqual(distribution, fresh.distribution(logits, text), 'it was changed by the next one');
    }),
  );
});

test('the logits stay as they are', () => {
  const logits = Float32Array.from([3, 1, 2]);
  using sampler = new LogitsChain(3, { repeatPenalty: 2 });
  sampler.distribution(logits, [0]);
  assert.deepEqual([...logits], [3, 1, 2]);
});

test('NaN and infinities crash nothing, and the probabilities are numbers', () => {
  const odd = fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.4e38, -3.4e38, 0, 5);
  const given = fc.constantFrom<PartialSamplingOptions>(
    ...[{}, { temperature: 0 }, { topK: 0 }, everything, { topK: 200 }, { minP: 0.1, topK: 0, repeatPenalty: 3 }],
  );
  fc.assert(
    fc.property(fc.array(odd, { minLength: 1, maxLength: 3000, size: 'max' }), given, (logits, options) => {
      using sampler = new LogitsChain(logits.length, options);
      const { tokens, probabilities } = sampler.distribution(Float32Array.from(logits), [0]);
      assert.equal(new Set(tokens).size, probabilities.length);
      assert.ok(tokens.every((token) => token >= 0 && token < logits.length));
      assert.ok(probabilities.every((p) => p >= 0 && p <= 1));
      assert.ok(Math.abs(probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-3);
    }),
  );
});

test('a number is preferred to NaN and minus infinity, and infinity to a number', () => {
  for (const options of [{}, { temperature: 0 }, { topK: 0 }, everything, { ...everything, temperature: 100 }]) {
    assert.deepEqual(probabilities([Number.NaN, 1, Number.NEGATIVE_INFINITY, Number.NaN], options), [0, 1, 0, 0]);
    assert.deepEqual(probabilities([1, Number.POSITIVE_INFINITY, Number.NaN], options), [0, 1, 0]);
  }
});

test('infinity is the best of a large vocabulary, also where a penalty makes it larger', () => {
  const logits = Array.from({ length: 3000 }, (_, i) => (i === 5 ? Number.POSITIVE_INFINITY : Math.sin(i)));
  const many = { repeatPenalty: 0.01, frequencyPenalty: -100, repeatLastN: 2 ** 20 };
  for (const options of [{ topK: 200 }, { topK: 0, topP: 0.9 }, { topK: 1024, ...many }, { topK: 0, ...many }]) {
    assert.deepEqual(probabilities(logits, options, [5, 5]), onlyThe(5, logits), JSON.stringify(options));
  }
});

test('logits beyond the vocabulary have no probability, missing ones neither', () => {
  for (const given of [everything, defaultSampling, { topK: 3 }, { temperature: 0 }]) {
    using sampler = new LogitsChain(4, given);
    const beyond = sampler.distribution(Float32Array.from([0, 0, 0, 0, 99]), []);
    assert.ok(beyond.tokens.every((token) => token < 4));
    const missing = sampler.distribution(Float32Array.from([0, 0]), []);
    assert.equal(probabilityOf(missing, 2) + probabilityOf(missing, 3), 0);
    assert.ok(Math.abs(probabilityOf(missing, 0) + probabilityOf(missing, 1) - 1) < 1e-6);
  }
});

test('a token of the text beyond the vocabulary changes nothing', () => {
  const given = { ...everything, repeatPenalty: 2 };
  assert.deepEqual(probabilities([1, 2], given, [9, 0]), probabilities([1, 2], given, [0]));
});

test('typical sampling leaves out what surprises least, where most is somewhere else', () => {
  // One token has 0.4, and 60 share the rest: their surprise is nearer to the expected one.
  const shares = [0.4, ...Array.from({ length: 60 }, () => 0.01)];
  const [best = 1] = probabilities(shares.map(Math.log), { ...everything, typicalP: 0.5 });
  assert.equal(best, 0);
  assertClose(probabilities(shares.map(Math.log), { ...everything, typicalP: 1 }), shares);
});

test('of the tokens that are likely enough, only the last stays as often as asked for, with penalties too', () => {
  const shares = [0.5, 0.3, 0.15, 0.05];
  const given = { ...everything, xtcProbability: 0.5, xtcThreshold: 0.1, seed: 1, presencePenalty: 1e-9 };
  using chain = new LogitsChain(shares.length, given);
  const cut = Array.from({ length: 400 }, () => {
    const distribution = chain.distribution(Float32Array.from(shares.map(Math.log)), [9]);
    return probabilityOf(distribution, 0) === 0 ? 1 : 0;
  });
  const count = cut.reduce<number>((sum, one) => sum + one, 0);
  // Six standard deviations of a binomial distribution are 60.
  assert.ok(count > 140 && count < 260, `${count}`);
  const [first, second, third] = probabilities(shares.map(Math.log), { ...given, xtcProbability: 1 });
  assert.deepEqual([first, second], [0, 0]);
  assert.ok(third !== undefined && third > 0.7);
});

test('a dynamic temperature is low where the model is sure', () => {
  const sure = [5, 0, 0, 0];
  const [best = 0] = probabilities(sure, { ...everything, dynatempRange: 0.9 });
  const [plain = 0] = softmax(sure);
  assert.ok(best > plain);
  assertClose(probabilities(sure, { ...everything, dynatempRange: 0 }), softmax(sure));
});
