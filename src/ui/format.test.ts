import assert from 'node:assert/strict';
import test from 'node:test';
import { formatNumber, formatRate, formatSeconds, formatShare, formatSpeed, formatTokens } from './format.ts';

test('figures have the digits that tell something, and units', () => {
  assert.deepEqual([2_115_297_506, 388_000_000, 0].map(formatRate), ['2.1 GB/s', '388 MB/s', '0 MB/s']);
  assert.deepEqual([0.0012, 0.025, 0.25, 1.44, 59.94, 75, 3600, 3599.7].map(formatSeconds), [
    '1.2 ms',
    '25 ms',
    '250 ms',
    '1.4 s',
    '59.9 s',
    '1:15 min',
    '1:00 h',
    '1:00 h',
  ]);
  assert.deepEqual([1, 999, 12_345, 1_234_567].map(formatNumber), ['1', '999', '12\u202f345', '1\u202f234\u202f567']);
  assert.deepEqual([0, 0.5, 3.125, 31.41, 314.1].map(formatSpeed), ['0', '0.50', '3.13', '31.4', '314']);
  assert.deepEqual([0, 1, 2].map(formatTokens), ['0 tokens', '1 token', '2 tokens']);
  assert.equal(formatShare(0.513), '51 %');
});
