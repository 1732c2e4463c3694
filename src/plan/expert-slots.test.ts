import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { weightOf } from '../../test/support/weights.ts';
import { expertBufferBytes, isReadDirectly, layTransit, slotBytes, workBytes } from './expert-slots.ts';
import { pageSpanOf } from './slices.ts';

const page = 4096;
test('layers with fewer experts than slots take memory for all of theirs, and no more', () => {
  const weights = Array.from({ length: 3 }, (_, i) => weightOf(`experts ${i}`, 'f32', [8, 8, 64]));
  const [few, many] = [8, 64].map((experts) => ({ experts, used: 1, expertBytes: 1000, weights }));
  if (!few || !many) assert.fail();
  assert.equal(slotBytes([few, many], 32, page), 1000 * (8 + 32) + 6 * page);
});

test('the memory of rounds holds the widest inputs and the highest products, side by side', () => {
  const anyMatrix = fc.record({ width: fc.integer({ min: 1, max: 5000 }), rows: fc.integer({ min: 1, max: 5000 }) });
  const anyBatch = fc.record({ tokens: fc.integer({ min: 1, max: 600 }), used: fc.integer({ min: 1, max: 10 }) });
  fc.assert(
    fc.property(fc.array(anyMatrix, { minLength: 1, maxLength: 6 }), anyBatch, (matrices, batch) => {
      const { pairs, inputs, products, lists, slots, bytes } = layTransit(
        matrices.map(({ width, rows }) => ({ shape: [width, rows, 8] })),
        batch,
      );
      assert.ok(pairs >= batch.tokens, 'any expert may be used by all tokens');
      const parts = [
        ...matrices.map(({ width }) => ({ from: inputs, words: pairs * width })),
        ...matrices.map(({ rows }) => ({ from: products, words: pairs * rows })),
        ...lists.flat().map((from) => ({ from, words: pairs })),
        { from: slots, words: batch.used * batch.tokens },
      ];
      for (const [i, a] of parts.entries()) {
        assert.ok(a.from % 64 === 0 && a.from + 4 * a.words <= bytes);
        for (const b of parts.slice(i + 1)) {
          assert.ok(a.from === b.from || a.from + 4 * a.words <= b.from || b.from + 4 * b.words <= a.from);
        }
      }
    }),
  );
});

test('sorting pairs takes bytes for each slot and each pair', () => {
  assert.ok(workBytes(32, { used: 8, tokens: 512 }) >= 32 * 8 * 512 * 8);
  assert.ok(workBytes(1, { used: 1, tokens: 8 }) >= 8 * 16);
});

test('an expert of less than 4 MiB, wherever it lies, is read at once, or all of it but its ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 * 2 ** 20 - 2 * page }), fc.nat(page), (length, offset) => {
      const { bytes } = pageSpanOf({ file: 0, offset, length }, page);
      const buffer = expertBufferBytes([length], page);
      assert.ok(isReadDirectly(length, page) ? buffer >= 2 * page : buffer >= bytes);
    }),
  );
});
