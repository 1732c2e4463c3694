import assert from 'node:assert/strict';
import test from 'node:test';
import { formatCount } from './count.ts';

test('a number of parameters is said as model names say it', () => {
  for (const [n, text] of [
    [12, '12'],
    [2500, '3K'],
    [134_515_008, '135M'],
    [999_400_000, '999M'],
    [999_600_000, '1.0B'],
    [8_030_261_248, '8.0B'],
    [70_553_706_496, '70.6B'],
    [671e9, '671.0B'],
  ] as const) {
    assert.equal(formatCount(n), text);
  }
});
