import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { weightOf } from '../../test/support/weights.ts';
import { residentParts } from './resident-parts.ts';

const anyBank = fc
  .record({
    width: fc.integer({ min: 1, max: 256 }),
    rows: fc.integer({ min: 1, max: 4096 }),
    experts: fc.integer({ min: 1, max: 256 }),
    offset: fc.integer({ min: 0, max: 2 ** 40 }),
  })
  .map(({ width, rows, experts, offset }) => {
    const weight = weightOf('bank', 'q8_0', [32 * width, rows, experts], offset);
    return { id: 0, weight, row: 0, shape: weight.shape, extent: weight.extent };
  });

test('a bank that is converted comes in parts of whole experts, 8 MiB or one at a time', () => {
  fc.assert(
    fc.property(anyBank, (slice) => {
      const expert = slice.extent.length / (slice.shape[2] ?? 0);
      let [first, offset] = [0, slice.extent.offset];
      for (const part of residentParts(slice, { converted: true })) {
        const { experts, extent } = part;
        assert.ok(experts && experts.count > 0 && (experts.count === 1 || extent.length <= 8 * 2 ** 20));
        assert.deepEqual([experts.first, extent.offset], [first, offset]);
        assert.equal(extent.length, experts.count * expert);
        first += experts.count;
        offset += extent.length;
      }
      assert.deepEqual([first, offset], [slice.shape[2], slice.extent.offset + slice.extent.length]);
    }),
  );
});

test('all other slices are one part, and so is a bank as it is in the file', () => {
  fc.assert(
    fc.property(anyBank, fc.boolean(), (slice, converted) => {
      const matrix = { ...slice, shape: slice.shape.slice(0, 2) };
      assert.deepEqual(residentParts(matrix, { converted }), [{ slice: matrix, extent: matrix.extent }]);
      assert.deepEqual(residentParts(slice, { converted: false }), [{ slice, extent: slice.extent }]);
    }),
  );
});
