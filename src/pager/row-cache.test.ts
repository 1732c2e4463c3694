import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { RowCache } from './row-cache.ts';

const length = 3;
const bytesOf = (row: number): Uint8Array => Uint8Array.of(row, row + 1, row + 2);

test('the rows that were used last are kept, each with its own bytes', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.nat(length - 1), fc.array(fc.nat(9)), (capacity, rest, rows) => {
      const cache = new RowCache(new Uint8Array(capacity * length + rest), length);
      let recent: number[] = [];
      for (const row of rows) {
        const kept = cache.get(row);
        assert.equal(kept !== undefined, recent.includes(row));
        if (kept) assert.deepEqual(kept, bytesOf(row));
        else cache.add(row, bytesOf(row));
        recent = [row, ...recent.filter((other) => other !== row)].slice(0, capacity);
      }
    }),
  );
});
