import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { llamaStage } from '../../test/support/llama-stage.ts';
import { randomNumbers } from '../../test/support/random.ts';
import { at } from '../base/at.ts';
import { type Distribution, drawToken, probabilityOf } from './distribution.ts';
import { LogitsChain } from './logits-chain.ts';
import { keptByMirostat, nextBound } from './mirostat.ts';
import { Sampler } from './sampler.ts';

const everything = { temperature: 1, topK: 0, topP: 1, minP: 0 };

function distributionOf(logits: Float32Array): Distribution {
  using chain = new LogitsChain(logits.length, everything);
  return chain.distribution(logits, []);
}

/** At least so many logits, without ties. */
const anyLogits = (minLength: number): fc.Arbitrary<Float32Array> =>
  fc
    .uniqueArray(fc.integer({ min: -900, max: 900 }), { minLength, maxLength: 200, size: 'max' })
    .map((values) => Float32Array.from(values, (n) => n / 60));
const anyBound = fc.double({ min: 0.1, max: 12, noNaN: true });

test('the tokens that are kept are the likeliest, and their probabilities sum to 1', () => {
  fc.assert(
    fc.property(anyLogits(2), anyBound, fc.constantFrom(1, 2), (logits, bound, version) => {
      const all = distributionOf(logits);
      const kept = keptByMirostat(all, { version, bound, vocabulary: logits.length });
      const least = Math.min(...[...kept.tokens].map((token) => at(logits, token)));
      assert.equal(kept.tokens.length, logits.filter((logit) => logit >= least).length);
      assert.ok(Math.abs(kept.probabilities.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
      if (version === 1 || kept.tokens.length === 1) return;
      for (const token of kept.tokens) assert.ok(-Math.log2(probabilityOf(all, token)) <= bound + 1e-4);
    }),
  );
});

const stages = {
  1: 'void *llama_sampler_init_mirostat(int32_t, uint32_t, float, float, int32_t)',
  2: 'void *llama_sampler_init_mirostat_v2(uint32_t, float, float)',
} as const;

test('they are those that libllama draws from', () => {
  const targets = fc.double({ min: 0.5, max: 4, noNaN: true });
  fc.assert(
    fc.property(anyLogits(30), targets, fc.constantFrom(1 as const, 2 as const), (logits, tau, version) => {
      const kept = keptByMirostat(distributionOf(logits), { version, bound: 2 * tau, vocabulary: logits.length });
      const args = version === 1 ? [logits.length, 1, tau, 0.1, 100] : [1, tau, 0.1];
      const theirs = llamaStage(logits, stages[version], args);
      // It computes in float32, so that the end may differ a little.
      const difference = Math.abs(theirs.length - kept.tokens.length);
      assert.ok(difference <= 1 + kept.tokens.length / 20, `${theirs.length} and ${kept.tokens.length}`);
      if (difference > 0) return;
      for (const { token, probability } of theirs) {
        assert.ok(Math.abs(probability - probabilityOf(kept, token)) < 1e-4);
      }
    }),
  );
});

test('the surprise of tokens comes to its target', () => {
  const numbers = randomNumbers(7);
  const tokens = Int32Array.from({ length: 100 }, (_, token) => token);
  for (const [version, tau] of [
    [1, 2],
    [2, 2],
    [2, 3.5],
  ] as const) {
    let [bound, sum] = [2 * tau, 0];
    const rounds = 800;
    for (let i = 0; i < rounds; i += 1) {
      const powers = Float32Array.from(tokens, () => Math.exp(3 * numbers()));
      const all = { tokens, probabilities: powers.map((power) => power / powers.reduce((a, b) => a + b)) };
      const kept = keptByMirostat(all, { version, bound, vocabulary: tokens.length });
      const probability = probabilityOf(kept, drawToken(kept, numbers()));
      sum -= Math.log2(probability);
      bound = nextBound(bound, probability, { mirostatTau: tau, mirostatEta: 0.1 });
    }
    assert.ok(Math.abs(sum / rounds - tau) < 0.2, `version ${version}: ${sum / rounds} for ${tau}`);
  }
});

test('a sampler keeps the bound of its text, and changes nothing else than the temperature', () => {
  const logits = (): Float32Array => Float32Array.from({ length: 50 }, (_, i) => -i / 10);
  const tau = 1.5;
  const sampling = {
    mirostat: 2,
    mirostatTau: tau,
    mirostatEta: 0.3,
    temperature: 1,
    topK: 2,
    repeatPenalty: 3,
    seed: 5,
  };
  using sampler = new Sampler(50, sampling);
  const all = distributionOf(logits());
  const text: number[] = [];
  let bound = 2 * tau;
  for (let i = 0; i < 40; i += 1) {
    const token = sampler.sample(logits(), text);
    const kept = keptByMirostat(all, { version: 2, bound, vocabulary: 50 });
    assert.deepEqual(sampler.distribution, kept);
    bound = nextBound(bound, probabilityOf(kept, token), { mirostatTau: tau, mirostatEta: 0.3 });
    text.push(token);
  }
  assert.ok(new Set(text).size > 2);
});
