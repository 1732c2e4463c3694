import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { certain, type Distribution, drawToken, probabilityOf, residual, withOthersAs } from './distribution.ts';

/** Tokens 0 to 9 in any order with any probabilities, some of them 0. */
const distributions: fc.Arbitrary<Distribution> = fc
  .uniqueArray(fc.tuple(fc.nat({ max: 9 }), fc.nat({ max: 20 })), { selector: ([token]) => token })
  .filter((shares) => shares.some(([, share]) => share > 0))
  .map((shares) => {
    const sum = shares.reduce((all, [, share]) => all + share, 0);
    return {
      tokens: Int32Array.from(shares, ([token]) => token),
      probabilities: Float32Array.from(shares, ([, share]) => share / sum),
    };
  });

const chances = fc.oneof(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.constantFrom(0, 1 - 2 ** -53),
);

const tokens = Array.from({ length: 11 }, (_, token) => token);

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

test('a token that is not named has no probability', () => {
  fc.assert(
    fc.property(distributions, (p) => {
      for (const token of tokens) {
        const at = [...p.tokens].indexOf(token);
        assert.equal(probabilityOf(p, token), at < 0 ? 0 : p.probabilities[at]);
      }
      assert.ok(Math.abs(sum(tokens.map((token) => probabilityOf(p, token))) - 1) < 1e-6);
    }),
  );
});

test('a certain token is drawn by any number, and has all of the probability', () => {
  fc.assert(
    fc.property(fc.nat(), chances, (token, chance) => {
      assert.equal(drawToken(certain(token), chance), token);
      assert.equal(probabilityOf(certain(token), token), 1);
      assert.equal(probabilityOf(certain(token), token + 1), 0);
    }),
  );
});

test('what is drawn is possible, by the least number and the largest too', () => {
  fc.assert(
    fc.property(distributions, chances, (p, chance) => {
      assert.ok(probabilityOf(p, drawToken(p, chance)) > 0);
    }),
    { numRuns: 2000 },
  );
});

test('each token is drawn by a share of the numbers that is its probability', () => {
  const count = 1000;
  fc.assert(
    fc.property(distributions, (p) => {
      const drawn = Array.from({ length: count }, (_, i) => drawToken(p, (i + 0.5) / count));
      for (const token of tokens) {
        const times = drawn.filter((one) => one === token).length;
        assert.ok(Math.abs(times - count * probabilityOf(p, token)) < 1.01, `${token}: ${times}`);
      }
    }),
  );
});

test('what rounding makes the probabilities miss or exceed 1 by goes to no token in particular', () => {
  for (const scale of [0.999, 1.001]) {
    const p: Distribution = { tokens: Int32Array.of(3, 4, 5), probabilities: Float32Array.of(0.5, 0.5, 0) };
    const scaled = { ...p, probabilities: p.probabilities.map((probability) => probability * scale) };
    assert.equal(drawToken(scaled, 0.4999), 3);
    assert.equal(drawToken(scaled, 0.5001), 4);
    assert.equal(drawToken(scaled, 1 - 2 ** -53), 4);
  }
});

test('what rounding leaves over falls to a token that is possible', () => {
  // Half a unit in the last place is added too each time that this is added to 1 or a little more.
  const little = 2 ** -30 + 3 * 2 ** -53;
  const p: Distribution = {
    tokens: Int32Array.of(3, 4, 5, 6, 7, 8),
    probabilities: Float32Array.of(1, little, little, little, little, 0),
  };
  assert.equal(drawToken(p, 1 - 2 ** -53), 7);
});

test('a residual is a distribution over what has more than is taken off it', () => {
  fc.assert(
    fc.property(distributions, distributions, (p, q) => {
      const left = residual(p, q);
      assert.ok(Math.abs(sum([...left.probabilities]) - 1) < 1e-6);
      if (left === p) return;
      for (const token of tokens) {
        assert.equal(probabilityOf(left, token) > 0, probabilityOf(p, token) > probabilityOf(q, token));
      }
    }),
  );
});

test('what two distributions share and the residual make up the first again', () => {
  fc.assert(
    fc.property(distributions, distributions, (p, q) => {
      const shared = tokens.map((token) => Math.min(probabilityOf(p, token), probabilityOf(q, token)));
      const rest = 1 - sum(shared);
      const left = residual(p, q);
      for (const token of tokens) {
        const both = (shared[token] ?? 0) + rest * probabilityOf(left, token);
        assert.ok(Math.abs(both - probabilityOf(p, token)) < 1e-6, `${token}: ${both}`);
      }
    }),
  );
});

test('a residual is the distribution itself where nothing or all is taken off', () => {
  fc.assert(
    fc.property(distributions, (p) => {
      assert.equal(residual(p, p), p);
      const disjoint = residual(p, certain(10));
      assert.deepEqual([...disjoint.tokens], [...p.tokens]);
      for (const token of tokens) {
        assert.ok(Math.abs(probabilityOf(disjoint, token) - probabilityOf(p, token)) < 1e-6);
      }
    }),
  );
});

test('neither drawing nor a residual changes the distributions', () => {
  fc.assert(
    fc.property(distributions, distributions, chances, (p, q, chance) => {
      const before = structuredClone([p, q]);
      drawToken(p, chance);
      residual(p, q);
      assert.deepEqual([p, q], before);
    }),
  );
});

test('a token in place of others has their probability, and that of the rest stays', () => {
  fc.assert(
    fc.property(distributions, fc.uniqueArray(fc.nat({ max: 9 })), (p, allowed) => {
      const replaced = withOthersAs(10, p, (token) => allowed.includes(token));
      const left = allowed.map((token) => probabilityOf(p, token));
      assert.deepEqual(
        allowed.map((token) => probabilityOf(replaced, token)),
        left,
      );
      assert.ok(Math.abs(probabilityOf(replaced, 10) - (1 - sum(left))) < 1e-6);
    }),
  );
});
