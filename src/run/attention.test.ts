import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { KvShape } from '../kv/shape.ts';
import { headsAtOnce } from './attention.ts';

test('what is unpacked at once takes 32 MiB at most, unless that is a quarter of all', () => {
  const anyShape = fc.record({
    layers: fc.constant(1),
    kvHeads: fc.integer({ min: 1, max: 64 }),
    keyLength: fc.integer({ min: 1, max: 8 }).map((n) => 32 * n),
    valueLength: fc.integer({ min: 1, max: 8 }).map((n) => 32 * n),
    context: fc.integer({ min: 1, max: 2 ** 20 }),
    type: fc.constantFrom('q8_0' as const, 'q4_0' as const),
  });
  fc.assert(
    fc.property(anyShape, (shape: KvShape) => {
      const heads = headsAtOnce(shape, shape.context);
      assert.ok(heads >= 1 && heads <= shape.kvHeads && Math.ceil(shape.kvHeads / heads) <= 4);
      const bytes = 4 * heads * (shape.keyLength + shape.valueLength) * shape.context;
      assert.ok(bytes <= 2 ** 25 || heads === Math.ceil(shape.kvHeads / 4));
    }),
  );
});
