import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { firstLayers, leastRecentlyUsed, residencies } from './residencies.ts';

const candidatesOf = (sizes: readonly number[]) => sizes.map((bytes, id) => ({ id, bytes }));
const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 40 });

test('LRU finds nothing on a cycle that is longer than the cache, and everything on one that fits', () => {
  fc.assert(
    fc.property(sizes, fc.nat({ max: 99 }), (list, percent) => {
      const total = list.reduce((a, b) => a + b, 0);
      const candidates = candidatesOf(list);
      assert.equal(leastRecentlyUsed(candidates, Math.floor((total * percent) / 100)).size, 0);
      assert.equal(leastRecentlyUsed(candidates, total).size, list.length);
    }),
  );
});

test('the first layers are a beginning of the pass', () => {
  assert.deepEqual([...firstLayers(candidatesOf([4, 4, 4, 1]), 9)], [0, 1]);
  assert.deepEqual([...firstLayers(candidatesOf([4, 4]), 3)], []);
});

test('no way to choose takes more than there is', () => {
  fc.assert(
    fc.property(sizes, fc.nat({ max: 3000 }), (list, capacity) => {
      for (const choose of Object.values(residencies)) {
        const taken = [...choose(candidatesOf(list), capacity)].reduce((sum, id) => sum + (list[id] ?? 0), 0);
        assert.ok(taken <= capacity);
      }
    }),
  );
});
