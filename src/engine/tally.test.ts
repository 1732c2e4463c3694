import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addSums, type EngineSums, noSums } from './tally.ts';

const anySums: fc.Arbitrary<EngineSums> = fc
  .array(fc.nat(1000), { minLength: 20, maxLength: 20 })
  .map((numbers) => Object.fromEntries(Object.keys(noSums).map((key, i) => [key, numbers[i] ?? 0])) as EngineSums);

test('sums are added one by one, and nothing changes them', () => {
  fc.assert(
    fc.property(anySums, anySums, (a, b) => {
      const [before, sum] = [{ ...a }, addSums(a, b)];
      for (const key of Object.keys(noSums) as (keyof EngineSums)[]) assert.equal(sum[key], a[key] + b[key]);
      assert.deepEqual(Object.keys(sum), Object.keys(noSums));
      assert.deepEqual(addSums(noSums, a), a);
      assert.deepEqual(a, before);
    }),
  );
});
