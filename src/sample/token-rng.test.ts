import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { randomNumbers } from '../../test/support/random.ts';
import { certain, type Distribution, probabilityOf } from './distribution.ts';
import { type DraftToken, freeRng, seededRng, type TokenRng } from './token-rng.ts';

const draws = 100_000;

/** Probabilities by token. */
const by = (shares: Readonly<Record<number, number>>): Distribution => ({
  tokens: Int32Array.from(Object.keys(shares), Number),
  probabilities: Float32Array.from(Object.values(shares)),
});

const reversed = ({ tokens, probabilities }: Distribution): Distribution => ({
  tokens: tokens.toReversed(),
  probabilities: probabilities.toReversed(),
});

/** The overlap of two distributions: the largest share of drafts by the one that can be right for the other. */
const overlap = (p: Distribution, q: Distribution): number =>
  p.tokens.reduce((sum, token) => sum + Math.min(probabilityOf(p, token), probabilityOf(q, token)), 0);

/** Fails where the draws are as far off as those of one in 100 thousand at most (chi-square; Laurent & Massart). */
function assertDrawn(drawn: readonly number[], p: Distribution): void {
  const times = new Map<number, number>();
  for (const token of drawn) times.set(token, (times.get(token) ?? 0) + 1);
  for (const token of times.keys()) assert.ok(probabilityOf(p, token) > 0, `${token} is impossible`);
  let [chiSquare, freedom] = [0, -1];
  for (const token of p.tokens) {
    const expected = drawn.length * probabilityOf(p, token);
    if (expected === 0) continue;
    chiSquare += ((times.get(token) ?? 0) - expected) ** 2 / expected;
    freedom += 1;
  }
  const x = Math.log(100_000);
  assert.ok(chiSquare <= freedom + 2 * Math.sqrt(freedom * x) + 2 * x, `${chiSquare} of ${freedom}`);
}

/** Fails where the share of so many draws that are right is 5 standard deviations off. */
function assertShare(right: number, probability: number): void {
  const deviation = Math.sqrt(draws * probability * (1 - probability));
  assert.ok(Math.abs(right - draws * probability) <= 5 * deviation + 1e-3, `${right / draws}, not ${probability}`);
}

const most = by({ 0: 0.5, 1: 0.25, 2: 0.125, 7: 0.0625, 150000: 0.0625 });
const least = by({ 150000: 0.5, 7: 0.25, 2: 0.125, 1: 0.0625, 0: 0.0625 });
const some = by({ 1: 0.75, 3: 0.125, 9: 0.125 });
const others = by({ 3: 0.25, 4: 0.5, 5: 0, 8: 0.25 });

const pairs: Readonly<Record<string, readonly [p: Distribution, q: Distribution]>> = {
  'the other way round': [most, least],
  'with fewer tokens': [most, some],
  'with more tokens': [some, most],
  'without a token in common': [most, others],
  'equal to it': [most, most],
  'equal in another order': [most, reversed(most)],
  'a little off': [by({ 4: 0.3, 5: 0.3, 6: 0.4 }), by({ 4: 0.31, 5: 0.3, 6: 0.39 })],
  'of one token that is possible': [most, certain(1)],
  'of one token that is impossible': [most, certain(3)],
  'for a certain token': [certain(1), most],
  'for another certain token': [certain(1), certain(2)],
  'for the same certain token': [certain(1), certain(1)],
};

/** Drafts and chooses at each of many positions. */
function play(rng: TokenRng, p: Distribution, draftAt: (position: number) => DraftToken | undefined) {
  const chosen: number[] = [];
  let right = 0;
  for (let position = 0; position < draws; position += 1) {
    const drafted = draftAt(position);
    const token = rng.draw(p, position, drafted);
    chosen.push(token);
    if (token === drafted?.token) right += 1;
  }
  return { chosen, right };
}

for (const [what, [p, q]] of Object.entries(pairs)) {
  test(`without a seed, drafts by a distribution ${what} change nothing, and all of the overlap is right`, () => {
    const rng = freeRng(randomNumbers(1));
    const { chosen, right } = play(rng, p, (position) => rng.draft(q, position));
    assertDrawn(chosen, p);
    assertShare(right, overlap(p, q));
  });
}

test('without a seed, drafts are drawn from what they are said to be of', () => {
  const rng = freeRng(randomNumbers(2));
  const drafts = Array.from({ length: draws }, (_, position) => rng.draft(most, position));
  assert.ok(drafts.every(({ drawnFrom }) => drawnFrom === most));
  assertDrawn(
    drafts.map(({ token }) => token),
    most,
  );
});

test('without a seed, a draft by an equal distribution is always right', () => {
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const numbers = fc.oneof(random, fc.constantFrom(0, 1 - 2 ** -53));
  fc.assert(
    fc.property(fc.constantFrom(most, least, some, others, certain(4)), numbers, numbers, (p, first, second) => {
      const left = [first, second];
      const rng = freeRng(() => left.shift() ?? assert.fail('more numbers than needed'));
      const drafted = rng.draft(p, 0);
      assert.equal(rng.draw(reversed(p), 0, drafted), drafted.token);
    }),
  );
});

test('without a seed, a draft that was not drawn is right as often as its token is likely', () => {
  for (const token of [0, 150_000, 3]) {
    const { chosen, right } = play(freeRng(randomNumbers(token)), most, () => ({ token }));
    assertDrawn(chosen, most);
    assertShare(right, probabilityOf(most, token));
  }
});

test('without a seed or a draft, tokens are drawn with their probabilities', () => {
  for (const p of [most, least, some, others, certain(4)]) {
    assertDrawn(play(freeRng(randomNumbers(3)), p, () => undefined).chosen, p);
  }
});

test('by a seed, the same is chosen at the same position, whatever is drafted', () => {
  const seeds = fc.nat({ max: 2 ** 32 - 2 });
  const anyOf = fc.constantFrom(most, least, some, others, certain(1));
  fc.assert(
    fc.property(seeds, fc.nat(), anyOf, anyOf, fc.nat({ max: 9 }), (seed, position, p, q, token) => {
      const rng = seededRng(seed);
      const chosen = rng.draw(p, position, undefined);
      for (const drafted of [rng.draft(q, position), { token }, { token, drawnFrom: q }, { token: chosen }]) {
        assert.equal(rng.draw(p, position, drafted), chosen);
      }
      rng.draw(q, position + 1, undefined);
      assert.equal(rng.draw(reversed(p), position, undefined), chosen);
      assert.equal(seededRng(seed).draw(p, position, undefined), chosen);
      assert.equal(rng.draft(p, position).token, chosen);
      assert.ok(probabilityOf(p, chosen) > 0);
    }),
  );
});

test('by a seed, tokens are drawn with their probabilities', () => {
  for (const seed of [0, 1, 42, 2 ** 32 - 2]) {
    for (const p of [most, least, some, others, certain(4)]) {
      assertDrawn(play(seededRng(seed), p, () => undefined).chosen, p);
    }
  }
});

test('by a seed, what is drawn tells nothing about the next position', () => {
  const next = (token: number, other: number): number => token + 1_000_000 * other;
  const both: Distribution = {
    tokens: Int32Array.from([...most.tokens].flatMap((a) => [...some.tokens].map((b) => next(a, b)))),
    probabilities: Float32Array.from([...most.probabilities].flatMap((a) => [...some.probabilities].map((b) => a * b))),
  };
  const rng = seededRng(7);
  const drawn = Array.from({ length: draws }, (_, i) =>
    next(rng.draw(most, 2 * i, undefined), rng.draw(some, 2 * i + 1, undefined)),
  );
  assertDrawn(drawn, both);
});

test('by different seeds, different tokens are drawn at the same position, with their probabilities', () => {
  for (const position of [0, 1000]) {
    const drawn = Array.from({ length: draws }, (_, seed) => seededRng(seed).draw(most, position, undefined));
    assertDrawn(drawn, most);
  }
});

test('by a seed, each of many tokens is drawn with its probability', () => {
  const count = 200;
  const p: Distribution = {
    tokens: Int32Array.from({ length: count }, (_, i) => 640 * i),
    probabilities: new Float32Array(count).fill(1 / count),
  };
  const rng = seededRng(3);
  assertDrawn(
    Array.from({ length: 20_000 }, (_, position) => rng.draw(p, position, undefined)),
    p,
  );
});

for (const [what, [p, q]] of Object.entries(pairs)) {
  test(`by a seed, drafts by a distribution ${what} are right for most of the overlap`, () => {
    const rng = seededRng(5);
    const { right } = play(rng, p, (position) => rng.draft(q, position));
    const shared = overlap(p, q);
    // One token wins in both if it wins where each token has the larger of its two probabilities: drafts are right that
    // often.
    const leastRight = shared / (2 - shared);
    assert.ok(right / draws >= leastRight - 0.01, `${right / draws}, not ${leastRight}`);
    assert.ok(right / draws <= shared + 0.01, `${right / draws}, more than ${shared}`);
  });
}
