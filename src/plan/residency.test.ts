import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ResidencyCandidate, spread } from './residency.ts';

const candidatesOf = (sizes: readonly number[]): ResidencyCandidate[] => sizes.map((bytes, id) => ({ id, bytes }));
const anySizes = fc.array(fc.integer({ min: 1, max: 2 ** 26 }), { maxLength: 60 });
const anyCase = fc.record({ sizes: anySizes, part: fc.double({ min: 0, max: 1.2, noNaN: true }) });

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** The longest run of `value`. */
const longestRun = (flags: readonly boolean[], value: boolean): number => {
  let run = 0;
  return flags.reduce((longest, flag) => {
    run = flag === value ? run + 1 : 0;
    return Math.max(longest, run);
  }, 0);
};

test('what stays is within the capacity, and no candidate is left out that would still fit', () => {
  fc.assert(
    fc.property(anyCase, ({ sizes, part }) => {
      const capacity = Math.floor(sum(sizes) * part);
      const kept = spread(candidatesOf(sizes), capacity);
      const left = capacity - sum(sizes.filter((_, id) => kept.has(id)));
      assert.ok(left >= 0);
      for (const [id, bytes] of sizes.entries()) assert.ok(kept.has(id) || bytes > left);
    }),
  );
});

test('everything stays when it fits, and nothing in no memory', () => {
  fc.assert(
    fc.property(anySizes, (sizes) => {
      assert.equal(spread(candidatesOf(sizes), sum(sizes)).size, sizes.length);
      assert.equal(spread(candidatesOf(sizes), 0).size, 0);
      assert.equal(spread(candidatesOf([...sizes, 7]), -5).size, 0);
    }),
  );
});

test('of candidates of equal size, as many as fit stay, evenly spread over the pass', () => {
  const counts = fc
    .integer({ min: 1, max: 200 })
    .chain((n) => fc.tuple(fc.constant(n), fc.integer({ min: 1, max: n })));
  const anyRest = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 0.999, noNaN: true }));
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 10 ** 6 }), anyRest, ([n, fit], bytes, rest) => {
      const capacity = (fit + rest) * bytes;
      const kept = spread(candidatesOf(Array.from({ length: n }, () => bytes)), capacity);
      const flags = Array.from({ length: n }, (_, id) => kept.has(id));
      assert.equal(kept.size, fit);
      const share = Math.min(1, (fit + rest) / n);
      assert.ok(longestRun(flags, false) <= Math.ceil(1 / share));
      if (fit < n) assert.ok(longestRun(flags, true) <= Math.ceil(1 / (1 - share)));
    }),
  );
});

test('in every stretch of a pass, about the same share of the bytes stays', () => {
  const mixed = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 80 });
  fc.assert(
    fc.property(mixed, fc.double({ min: 0, max: 1, noNaN: true }), (sizes, part) => {
      const capacity = sum(sizes) * part;
      const kept = spread(candidatesOf(sizes), capacity);
      const largest = Math.max(...sizes);
      let [seen, stays] = [0, 0];
      for (const [id, bytes] of sizes.entries()) {
        seen += bytes;
        if (kept.has(id)) stays += bytes;
        // One candidate comes too early or too late, and others fill the rest of the capacity.
        assert.ok(Math.abs(stays - seen * part) <= 2 * largest);
      }
    }),
  );
});
