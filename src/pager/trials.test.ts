import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { median } from '../base/median.ts';
import { bestOf, bestRate, contenders, costsOf, isSteady, type ReadSample, type Trial } from './trials.ts';

const MiB = 2 ** 20;

const anyTrials: fc.Arbitrary<readonly Trial[]> = fc.array(
  fc.record({
    inFlight: fc.integer({ min: 1, max: 9 }),
    chunkBytes: fc.integer({ min: 1, max: 16 }).map((n) => n * MiB),
    rates: fc.array(fc.integer({ min: 700, max: 1100 }), { minLength: 1, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 12 },
);

/** A trial of `inFlight` reads of `mebibytes` each. */
const trial = (inFlight: number, mebibytes: number, ...rates: readonly number[]): Trial => ({
  inFlight,
  chunkBytes: mebibytes * MiB,
  rates,
});

test('what is chosen is about as fast as the fastest, and nothing as fast has more reads in flight', () => {
  fc.assert(
    fc.property(anyTrials, (trials) => {
      const best = bestOf(trials);
      const fast = trials.filter(({ rates }) => median(rates) >= 0.85 * bestRate(trials));
      assert.ok(fast.includes(best));
      assert.equal(best.inFlight, Math.max(...fast.map(({ inFlight }) => inFlight)));
    }),
  );
});

test('of equals, reads are as short as is worthwhile', () => {
  const lengths = [1, 2, 4, 8, 16].map((mebibytes) => trial(7, mebibytes, 100));
  assert.equal(bestOf(lengths).chunkBytes, 8 * MiB);
  assert.equal(bestOf(lengths.slice(4)).chunkBytes, 16 * MiB);
  assert.equal(bestOf(lengths.slice(0, 2)).chunkBytes, 2 * MiB);
});

test('a device that many reads slow down is read with few', () => {
  assert.equal(bestOf([trial(1, 16, 150, 151, 149), trial(7, 16, 80, 82, 85)]).inFlight, 1);
});

test('one hiccup decides nothing', () => {
  const trials = [trial(2, 4, 100, 101, 99), trial(4, 4, 40, 200, 41), trial(7, 4, 100, 3, 99)];
  assert.equal(bestOf(trials).inFlight, 7);
});

test('only what has a chance is tried again, and one hiccup takes none', () => {
  const [good, unlucky, poor, once, untried] = [
    trial(1, 1, 100, 100),
    trial(1, 2, 20, 85),
    trial(1, 4, 79, 78),
    trial(1, 8, 20),
    trial(1, 16),
  ];
  assert.deepEqual(contenders([good, unlucky, poor, once, untried]), [good, unlucky, once, untried]);
  assert.deepEqual(contenders([untried]), [untried]);
});

test('nothing cannot be chosen from', () => {
  assert.throws(() => bestOf([]), RangeError);
});

test('costs of reads are found that explain short and long ones', () => {
  const cost = fc.double({ min: 0, max: 1e-3, noNaN: true });
  fc.assert(
    fc.property(cost, cost, fc.double({ min: 0, max: 1e-9, noNaN: true }), (each, core, coreByte) => {
      const of = (bytes: number): ReadSample => ({
        bytes,
        rate: bytes / (bytes / 2e9 + each),
        core: core + bytes * coreByte,
      });
      const found = costsOf(of(MiB / 8), of(8 * MiB));
      // The long read has the cost of one, too.
      const near = (a: number, b: number): boolean => Math.abs(a - b) <= 0.02 * b + 1e-9;
      assert.ok(near(found.each, each * (1 - 1 / 64)) && near(found.core, core), JSON.stringify(found));
      assert.ok(Math.abs(found.coreByte - coreByte) <= 1e-6 * coreByte + 1e-15);
    }),
  );
});

test('reads that take longer for less cost nothing that is negative', () => {
  const { each, core, coreByte } = costsOf({ bytes: MiB, rate: 2, core: 9 }, { bytes: 2 * MiB, rate: 1, core: 3 });
  assert.deepEqual([each, core, coreByte], [0, 9, 0]);
  assert.deepEqual(costsOf({ bytes: MiB, rate: 1, core: 9 }, { bytes: MiB, rate: 1, core: 9 }).coreByte, 0);
});

test('a drive is steady whose samples are alike but for a hiccup', () => {
  assert.ok(isSteady([]) && isSteady([5]) && isSteady([100, 1, 110]) && isSteady([100, 120, 199, 5]));
  assert.ok(!isSteady([100, 40, 30, 90]));
});
