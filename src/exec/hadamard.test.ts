import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { KvShape } from '../state/kv-shape.ts';
import { hadamard, hadamardSizes } from './hadamard.ts';

const anyPower = fc.integer({ min: 0, max: 7 }).map((bits) => 2 ** bits);

test('a matrix that mixes is orthonormal, symmetric and its own inverse, and takes the same of each element', () => {
  fc.assert(
    fc.property(anyPower, (n) => {
      const h = hadamard(n);
      assert.equal(h.length, n * n);
      const at = (row: number, column: number): number => h[row * n + column] ?? Number.NaN;
      for (let a = 0; a < n; a += 1) {
        for (let b = 0; b < n; b += 1) {
          assert.equal(at(a, b), at(b, a));
          assert.ok(Math.abs(Math.abs(at(a, b)) - 1 / Math.sqrt(n)) < 1e-7);
          let product = 0;
          for (let i = 0; i < n; i += 1) product += at(a, i) * at(i, b);
          assert.ok(Math.abs(product - (a === b ? 1 : 0)) < 1e-5);
        }
      }
    }),
    { numRuns: 20 },
  );
});

test('each of four elements is rotated with a sign of its own', () => {
  const signs = [...hadamard(4)].map(Math.sign);
  assert.deepEqual(signs, [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1]);
});

const shapeOf = (type: KvShape['type'], keyLength: number, valueLength = keyLength): KvShape => ({
  layers: 1,
  kvHeads: 1,
  keyLength,
  valueLength,
  context: 1,
  type,
});

test('keys are rotated as far as a power of two divides their heads, values in groups of 64, and short heads not', () => {
  for (const type of ['q8_0', 'q4_0'] as const) {
    for (const [length, key, value] of [
      [32, 1, 1],
      [64, 64, 64],
      [96, 1, 1],
      [128, 128, 64],
      [160, 1, 1],
      [192, 64, 64],
      [256, 256, 64],
    ] as const) {
      assert.deepEqual(hadamardSizes(shapeOf(type, length)), { key, value }, `${type} of ${length}`);
    }
    assert.deepEqual(hadamardSizes(shapeOf(type, 192, 128)), { key: 64, value: 64 });
    assert.deepEqual(hadamardSizes(shapeOf(type, 128, 96)), { key: 128, value: 1 });
  }
});

test('what is not quantized is not rotated', () => {
  for (const length of [32, 64, 128]) assert.deepEqual(hadamardSizes(shapeOf('f16', length)), { key: 1, value: 1 });
});
