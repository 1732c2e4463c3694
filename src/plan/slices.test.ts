import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyMatrix, weightOf } from '../../test/support/weights.ts';
import type { Weight } from '../gguf/weight.ts';
import { cutIntoSlices, pageSpanOf } from './slices.ts';

const group = 32;
/** A matrix that kernels for floating-point types refuse as a whole. */
const isRefused = ({ type, shape }: Weight): boolean => /^b?f\d/.test(type.name) && (shape[1] ?? 0) % 4 !== 0;
const anyGrouped = anyMatrix.filter((weight) => !isRefused(weight));
const anySize = fc.integer({ min: 1, max: 2 ** 21 });

test('the slices of a matrix are all of its rows, in order, once', () => {
  fc.assert(
    fc.property(anyMatrix, anySize, (weight, maxBytes) => {
      let row = 0;
      let { offset } = weight.extent;
      for (const slice of cutIntoSlices(weight, maxBytes)) {
        const [width, rows = 0] = slice.shape;
        assert.equal(slice.weight, weight);
        assert.equal(width, weight.shape[0]);
        assert.ok(rows > 0);
        assert.equal(slice.row, row);
        assert.equal(slice.extent.file, weight.extent.file);
        assert.equal(slice.extent.offset, offset);
        assert.equal(slice.extent.length, (weight.extent.length / (weight.shape[1] ?? 1)) * rows);
        row += rows;
        offset += slice.extent.length;
      }
      assert.equal(row, weight.shape[1]);
      assert.equal(offset, weight.extent.offset + weight.extent.length);
    }),
  );
});

test('cuts lie between groups of 32 rows, and slices are as large as wanted unless a single group is larger', () => {
  fc.assert(
    fc.property(anyGrouped, anySize, (weight, maxBytes) => {
      const groupBytes = (weight.extent.length / (weight.shape[1] ?? 1)) * group;
      for (const { row, extent } of cutIntoSlices(weight, maxBytes)) {
        assert.equal(row % group, 0);
        assert.ok(extent.length <= Math.max(maxBytes, groupBytes));
      }
    }),
  );
});

test('slices of one matrix are about equal: all but the last have the same rows', () => {
  fc.assert(
    fc.property(anyGrouped, anySize, (weight, maxBytes) => {
      const rows = cutIntoSlices(weight, maxBytes).map((slice) => slice.shape[1] ?? 0);
      const whole = rows.filter((n) => n % group === 0);
      const last = whole.pop() ?? 0;
      assert.ok(new Set(whole).size <= 1);
      assert.ok(last <= (whole[0] ?? last));
    }),
  );
});

test('rows that fill no group are a slice of their own, wherever the other cuts are', () => {
  fc.assert(
    fc.property(anyGrouped, anySize, (weight, maxBytes) => {
      const [, rows = 0] = weight.shape;
      const tails = (size: number) =>
        cutIntoSlices(weight, size).filter((slice) => (slice.shape[1] ?? 0) % group !== 0);
      assert.deepEqual(
        tails(maxBytes).map((slice) => slice.row),
        rows % group === 0 ? [] : [rows - (rows % group)],
      );
      assert.deepEqual(tails(maxBytes), tails(Number.POSITIVE_INFINITY));
    }),
  );
});

test('slices of a matrix that kernels refuse are refused, too, and as large as wanted unless 31 rows are larger', () => {
  fc.assert(
    fc.property(anyMatrix.filter(isRefused), anySize, (weight, maxBytes) => {
      const rowBytes = weight.extent.length / (weight.shape[1] ?? 1);
      for (const { shape, extent } of cutIntoSlices(weight, maxBytes)) {
        assert.notEqual((shape[1] ?? 0) % 4, 0);
        assert.ok(extent.length <= Math.max(maxBytes, 31 * rowBytes));
      }
    }),
  );
});

test('a matrix that is small enough, and what is not a matrix, stays whole', () => {
  const matrix = weightOf('w', 'q4_0', [64, 320], 96);
  assert.deepEqual(cutIntoSlices(matrix, matrix.extent.length), [
    { weight: matrix, row: 0, shape: matrix.shape, extent: matrix.extent },
  ]);
  const small = weightOf('s', 'f16', [8, 31], 7);
  assert.deepEqual(cutIntoSlices(small, 1), [{ weight: small, row: 0, shape: small.shape, extent: small.extent }]);
  const vector = weightOf('v', 'f32', [4096]);
  assert.equal(cutIntoSlices(vector, 1).length, 1);
});

test('a page span is the fewest whole pages that hold an extent', () => {
  const anyExtent = fc.record({
    file: fc.nat({ max: 3 }),
    offset: fc.nat({ max: 2 ** 42 }),
    length: fc.integer({ min: 1, max: 2 ** 33 }),
  });
  fc.assert(
    fc.property(anyExtent, fc.constantFrom(4096, 16384), (extent, page) => {
      const { start, bytes, skew } = pageSpanOf(extent, page);
      assert.equal(start % page, 0);
      assert.equal(bytes % page, 0);
      assert.ok(skew >= 0 && skew < page);
      assert.equal(start + skew, extent.offset);
      assert.ok(start + bytes >= extent.offset + extent.length);
      assert.ok(start + bytes - page < extent.offset + extent.length);
    }),
  );
});
