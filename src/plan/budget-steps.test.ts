import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { formatBytes } from '../base/bytes.ts';
import { parseBytes } from '../base/size.ts';
import { budgetSteps, sizesAbove } from './budget-steps.ts';

const anyBytes = fc.integer({ min: 2 ** 20, max: 2 ** 42 });

test('budgets go up from one that works to one that holds the model, and are as many as wanted', () => {
  fc.assert(
    fc.property(
      anyBytes,
      fc.double({ min: 1, max: 500, noNaN: true }),
      fc.integer({ min: 2, max: 12 }),
      (least, times, most) => {
        const whole = least * times;
        const steps = budgetSteps(least, whole, most);
        assert.ok(steps.length <= most && steps.length > 0, `${steps.length}`);
        assert.ok(steps.every((step, i) => step >= least && (i === 0 || step > (steps[i - 1] ?? 0))));
        assert.ok((steps.at(-1) ?? 0) >= whole);
      },
    ),
  );
  const GiB = 2 ** 30;
  assert.deepEqual(
    budgetSteps(0.9 * GiB, 6.05 * GiB, 9).map((step) => formatBytes(step)),
    ['922 MiB', '1 GiB', '1.5 GiB', '2 GiB', '3 GiB', '4 GiB', '6.1 GiB'],
  );
});

test('a budget that is read off the screen and typed is no smaller than it was', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const [least = 0] = budgetSteps(bytes, 2 * bytes, 4);
      const shown = formatBytes(least).replaceAll(' ', '');
      assert.ok(parseBytes(shown) >= bytes, shown);
    }),
  );
});

test('larger sizes to try are clearly larger, and go up', () => {
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      const sizes = sizesAbove(bytes);
      assert.ok(sizes.every((size, i) => size > 1.1 * bytes && (i === 0 || size > (sizes[i - 1] ?? 0))));
      assert.ok((sizes[0] ?? Number.POSITIVE_INFINITY) <= 1.7 * bytes);
    }),
  );
});
