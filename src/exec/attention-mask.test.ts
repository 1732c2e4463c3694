import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { rowsOf, seenRows } from '../state/rows.ts';
import { attentionMask } from './attention-mask.ts';

const hidden = 0xfc00;

test('a token sees itself and what came before', () => {
  const anyCase = fc
    .record({ start: fc.nat(300), n: fc.integer({ min: 1, max: 40 }), spare: fc.nat(300) })
    .map((c) => ({ ...c, attended: c.start + c.n + c.spare }));
  fc.assert(
    fc.property(anyCase, ({ start, n, attended }) => {
      const mask = attentionMask(start, n, { rows: rowsOf(undefined, { context: attended, pass: 1 }), attended });
      assert.equal(mask.length, attended * n);
      for (const [at, value] of mask.entries()) {
        const age = start + Math.floor(at / attended) - (at % attended);
        assert.equal(value, age >= 0 ? 0 : hidden);
      }
    }),
  );
});

test('a token sees the rows of its window, however they lie, and no others', () => {
  const rows = rowsOf({ tokens: 3, sinks: 1 }, { context: 10_000, pass: 2 });
  for (const start of [0, 200, 256, 700]) {
    const mask = attentionMask(start, 2, { rows, attended: rows.count });
    for (const j of [0, 1]) {
      const seen = [...mask.subarray(j * rows.count, (j + 1) * rows.count)].flatMap((value, row) =>
        value ? [] : [row],
      );
      const expected = seenRows(rows, start + j).flatMap(([from, to]) =>
        Array.from({ length: to - from }, (_, i) => from + i),
      );
      assert.deepEqual(
        seen,
        expected.toSorted((a, b) => a - b),
      );
    }
  }
});
