import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { median } from './median.ts';

test('as many values lie above the median as below it', () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { minLength: 1 }), (values) => {
      const middle = median(values);
      const [below, above] = [values.filter((v) => v < middle), values.filter((v) => v > middle)];
      assert.ok(below.length <= values.length / 2 && above.length <= values.length / 2);
    }),
  );
  assert.deepEqual([median([3, 1, 2]), median([4, 1, 2, 3])], [2, 2.5]);
  assert.ok(Number.isNaN(median([])));
});
