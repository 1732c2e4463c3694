import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addTotals, type EngineTotals, zeroTotals } from './engine-totals.ts';

const anySums: fc.Arbitrary<EngineTotals> = fc
  .array(fc.nat(1000), { minLength: 20, maxLength: 20 })
  .map(
    (numbers) => Object.fromEntries(Object.keys(zeroTotals).map((key, i) => [key, numbers[i] ?? 0])) as EngineTotals,
  );

test('sums are added one by one, and nothing changes them', () => {
  fc.assert(
    fc.property(anySums, anySums, (a, b) => {
      const [before, sum] = [{ ...a }, addTotals(a, b)];
      for (const key of Object.keys(zeroTotals) as (keyof EngineTotals)[]) assert.equal(sum[key], a[key] + b[key]);
      assert.deepEqual(Object.keys(sum), Object.keys(zeroTotals));
      assert.deepEqual(addTotals(zeroTotals, a), a);
      assert.deepEqual(a, before);
    }),
  );
});
