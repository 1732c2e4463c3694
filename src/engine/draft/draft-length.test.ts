import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { randomNumbers } from '../../../test/support/random.ts';
import { PassTimes } from '../pass-times.ts';
import { AcceptanceRate, bestDraftLength, type OtherSequences } from './draft-length.ts';

const nobody: OtherSequences = { sequences: 0, tokens: 0 };
const anyShare = fc.double({ min: 0, max: 1, noNaN: true });
/** Others that decode, each with draft tokens of its own. */
const anyOthers = fc
  .tuple(fc.nat(7), fc.nat(60))
  .map(([sequences, drafts]) => ({ sequences, tokens: sequences === 0 ? 0 : sequences + drafts }));
/** Seconds by tokens: more take longer, or as long. */
const anyTimes = fc
  .array(fc.integer({ min: 0, max: 50 }), { minLength: 90, maxLength: 90 })
  .map((more) => more.map((_, i) => 10 + more.slice(0, i).reduce((a, b) => a + b, 0)));

/** Tokens that a draft yields on average: the first wrong one is replaced, the ones before it are right. */
function expectedTokens(acceptance: number, depth: number): number {
  let sum = 0;
  for (let right = 0; right <= depth; right += 1) sum += acceptance ** right;
  return sum;
}

test('no other depth gives more tokens per second, whatever more tokens cost and whoever else is there', () => {
  fc.assert(
    fc.property(anyShare, anyTimes, fc.nat(20), anyOthers, anyShare, (acceptance, times, most, others, cost) => {
      const seconds = (tokens: number): number => times[tokens - 1] ?? assert.fail(`${tokens} tokens`);
      const rate = (depth: number): number =>
        (others.sequences + expectedTokens(acceptance, depth)) / (seconds(others.tokens + 1 + depth) + depth * cost);
      const rates = Array.from({ length: most + 1 }, (_, depth) => rate(depth));
      const best = bestDraftLength({ acceptance, seconds, cost }, most, others);
      assert.ok((rates[best] ?? 0) > (1 - 1e-9) * Math.max(...rates));
    }),
  );
});

test('nothing is drafted where passes take as long as they have tokens, unless all drafts are right', () => {
  const anyAcceptance = fc.double({ min: 0, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(anyAcceptance, fc.nat(64), fc.nat(7), (acceptance, most, sequences) => {
      const others = { sequences, tokens: sequences };
      assert.equal(bestDraftLength({ acceptance, seconds: (tokens) => 0.01 * tokens, cost: 0 }, most, others), 0);
    }),
  );
});

test('where more tokens are free, as many are drafted as may be, however few are accepted', () => {
  const anyAcceptance = fc.double({ min: 0.3, max: 1, noNaN: true });
  fc.assert(
    fc.property(anyAcceptance, fc.nat(15), anyOthers, (acceptance, most, others) => {
      assert.equal(bestDraftLength({ acceptance, seconds: () => 0.5, cost: 0 }, most, others), most);
    }),
  );
});

test('nothing is drafted as long as no pass was measured', () => {
  assert.equal(bestDraftLength({ acceptance: 0.9, seconds: () => 0, cost: 0 }, 15, nobody), 0);
});

test('nothing is drafted where a draft takes as long as a pass', () => {
  const drafting = { acceptance: 0.99, seconds: () => 0.5 };
  assert.equal(bestDraftLength({ ...drafting, cost: 0.5 }, 15, nobody), 0);
  assert.ok(bestDraftLength({ ...drafting, cost: 0.1 }, 15, nobody) > 3);
});

/** Tokens per second over `passes` passes if each draft token is right by the chance `acceptance`. */
function speed(acceptance: number, secondsOf: (tokens: number) => number, seed: number): number {
  const passes = 3000;
  const random = randomNumbers(seed);
  const learned = new AcceptanceRate();
  const times = new PassTimes();
  let [tokens, time] = [0, 0];
  for (let pass = 0; pass < passes; pass += 1) {
    const outlook = { acceptance: learned.rate, seconds: (count: number): number => times.seconds(count), cost: 0 };
    const drafted = bestDraftLength(outlook, 15, nobody);
    const seconds = secondsOf(1 + drafted) * (0.95 + 0.1 * random());
    let accepted = 0;
    while (accepted < drafted && random() < acceptance) accepted += 1;
    learned.record(drafted, accepted);
    times.record(1 + drafted, seconds);
    tokens += 1 + accepted;
    time += seconds;
  }
  return tokens / time;
}

const costs = [0.01, 0.05, 0.1, 0.2, 0.4, 0.7, 1];
const perToken =
  (cost: number) =>
  (tokens: number): number =>
    1 + cost * (tokens - 1);

test('drafts of which none is accepted cost 3 % of the speed at most, whatever more tokens cost', () => {
  for (const cost of costs) {
    const reached = speed(0, perToken(cost), 1);
    assert.ok(reached > 0.97, `${reached} where a token more costs ${cost}`);
  }
});

test('what was learned on the way comes near to the speed of the best depth', () => {
  for (const cost of costs) {
    for (const acceptance of [0.3, 0.6, 0.9]) {
      const rates = Array.from({ length: 16 }, (_, i) => expectedTokens(acceptance, i) / perToken(cost)(1 + i));
      const reached = speed(acceptance, perToken(cost), 2) / Math.max(...rates);
      assert.ok(reached > 0.92, `${reached} of the best for ${acceptance} at ${cost}`);
    }
  }
});

/**
 * The acceptance learned of drafts of `drafted` tokens that are right by the chance `chance`, on average after a while.
 */
function learnedOf(chance: number, drafted: number): number {
  const random = randomNumbers(drafted);
  const acceptance = new AcceptanceRate();
  let sum = 0;
  for (let pass = 0; pass < 6000; pass += 1) {
    let accepted = 0;
    while (accepted < drafted && random() < chance) accepted += 1;
    acceptance.record(drafted, accepted);
    if (pass >= 1000) sum += acceptance.rate;
  }
  return sum / 5000;
}

test('the share of drafts that are accepted is learned, whatever is drafted at once', () => {
  for (const chance of [0, 0.1, 0.4, 0.75, 0.95, 1]) {
    for (const drafted of [1, 4, 15]) {
      const learned = learnedOf(chance, drafted);
      // The estimate is a little too small: it learns from drafts, most of which end with a wrong token.
      assert.ok(Math.abs(learned - chance) < 0.1, `${learned} of ${chance} at ${drafted}`);
    }
  }
});

test('what is learned is always a share', () => {
  const anyDraft = fc.nat(64).chain((drafted) => fc.tuple(fc.constant(drafted), fc.nat(drafted)));
  fc.assert(
    fc.property(fc.array(anyDraft, { maxLength: 100 }), (drafts) => {
      const acceptance = new AcceptanceRate();
      for (const [drafted, accepted] of drafts) {
        acceptance.record(drafted, accepted);
        assert.ok(acceptance.rate >= 0 && acceptance.rate <= 1);
      }
    }),
  );
});

test('as long as nothing is drafted, what was bad luck is forgotten, and what was good luck too', () => {
  const untouched = new AcceptanceRate().rate;
  for (const accepted of [0, 1]) {
    const acceptance = new AcceptanceRate();
    for (let i = 0; i < 200; i += 1) acceptance.record(1, accepted);
    const learned = acceptance.rate;
    assert.ok(Math.abs(learned - accepted) < 0.01);
    for (let i = 0; i < 100; i += 1) acceptance.record(0, 0);
    const later = acceptance.rate;
    assert.ok(Math.abs(later - untouched) < 0.7 * Math.abs(learned - untouched));
    for (let i = 0; i < 1500; i += 1) acceptance.record(0, 0);
    assert.ok(Math.abs(acceptance.rate - untouched) < 0.01);
  }
});
