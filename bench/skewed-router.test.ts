import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from './random.ts';
import { fitRouters, skewOf } from './skewed-router.ts';

test('the skew of routes counts uses of the hottest experts, and those that come again', () => {
  const skew = skewOf(
    [
      [0, 1],
      [0, 2],
      [0, 3],
      [4, 0],
    ],
    20,
  );
  assert.equal(skew.tenth, 5 / 8);
  assert.equal(skew.quarter, 1);
  assert.equal(skew.overlap, 3 / 6);
});

test('routers use their experts as unequally as real ones, those of deeper layers more so', () => {
  const width = 48;
  const mean = new Random('mean').floats(width, { mean: 0, deviation: 1 });
  const inputs = Array.from({ length: 4 }, (_, il) => {
    const noise = new Random(`layer ${il}`).floats(width * 200, { mean: 0, deviation: 1 });
    return { width, values: noise.map((v, i) => v + (mean[i % width] ?? Number.NaN)) };
  });
  const { skews, weights } = fitRouters(inputs, { experts: 64, used: 4, seed: 'test' });
  const quarter = skews.reduce((sum, skew) => sum + skew.quarter, 0) / skews.length;
  assert.ok(Math.abs(quarter - 0.85) < 0.03, `${quarter}`);
  assert.ok((skews[0]?.quarter ?? 1) < (skews[3]?.quarter ?? 0));
  assert.ok(weights.every((values) => values.length === 64 * width && values.every(Number.isFinite)));
});
