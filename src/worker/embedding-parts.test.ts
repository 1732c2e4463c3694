import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { embeddingParts } from './embedding-parts.ts';

const limits = { context: 512, longestToken: 16 };
const textOf = (length: number): string => 'x'.repeat(length);

test('the parts of a request have its inputs in their order, and no more at once than an engine may hold', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 8192 }), { maxLength: 300 }), (lengths) => {
      const inputs = lengths.map(textOf);
      const parts = embeddingParts({ inputs, truncate: false }, limits);
      assert.deepEqual(
        parts.flatMap((part) => part.inputs),
        inputs,
      );
      for (const part of parts) {
        assert.ok(part.inputs.length > 0 && part.inputs.length <= 64);
        assert.ok(part.inputs.reduce((sum, { length }) => sum + length, 0) <= 2 ** 18 + 8192);
      }
    }),
  );
});

test('an input that cannot fit is refused, or loses what is certainly cut off', () => {
  const inputs = [textOf(10), textOf(512 * 16 + 1)];
  assert.throws(
    () => embeddingParts({ inputs, truncate: false }, limits),
    engineError('CONTEXT_TOO_LONG', { context: 512, atLeast: true }),
  );
  assert.throws(
    () => embeddingParts({ inputs: [Array<number>(20).fill(1)], truncate: false, context: 10 }, limits),
    engineError('CONTEXT_TOO_LONG', { prompt: 20, context: 10 }),
  );
  const [part] = embeddingParts({ inputs, truncate: true, dimensions: 3 }, limits);
  assert.deepEqual(part, { inputs: [textOf(10), textOf(512 * 16)], truncate: true, dimensions: 3 });
});
