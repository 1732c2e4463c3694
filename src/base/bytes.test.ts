import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { alignAddress, alignDown, alignUp, formatBytes } from './bytes.ts';

test('sizes are written with at most one decimal', () => {
  assert.equal(formatBytes(0), '0 B');
  assert.equal(formatBytes(1536), '1.5 KiB');
  assert.equal(formatBytes(512 * 2 ** 20), '512 MiB');
  assert.equal(formatBytes(39 * 2 ** 30), '39 GiB');
});

test('alignment holds far beyond 32 bits', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 50 }), fc.constantFrom(32, 4096, 16384), (n, to) => {
      const up = alignUp(n, to);
      const down = alignDown(n, to);
      assert.ok(up >= n && up - n < to && up % to === 0);
      assert.ok(down <= n && n - down < to && down % to === 0);
      assert.equal(alignAddress(BigInt(n), to), BigInt(up));
    }),
  );
});
