import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { at } from '../base/at.ts';
import type { LlamaModel } from '../ggml/llama-model.ts';
import { groupSpans } from './span-groups.ts';

/** Spans of different sequences, in any order. */
const anySpans = fc
  .uniqueArray(fc.nat({ max: 9 }), { minLength: 1, maxLength: 8 })
  .chain((sequences) =>
    fc.tuple(
      ...sequences.map((sequence) =>
        fc.integer({ min: 1, max: 4 }).map((n) => ({ sequence, tokens: Array(n).fill(0) })),
      ),
    ),
  );
const model = (memory: LlamaModel['memory'], batchesApart = false) => ({ memory, batchesApart });
const anyModel = fc.constantFrom(model('attention'), model('hybrid'), model('recurrent'), model('hybrid', true));

test('each span is in one group', () => {
  fc.assert(
    fc.property(anySpans, anyModel, (spans, kind) => {
      const grouped = groupSpans(spans, kind).flat();
      assert.deepEqual([...grouped].sort(), [...spans.keys()]);
    }),
  );
});

test('attention takes all spans at once, in their order', () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      assert.deepEqual(groupSpans(spans, model('attention')), [[...spans.keys()]]);
    }),
  );
});

test('where states are recurrent, spans of a group are of one length, and consecutive where nothing else is kept', () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      const lengths = new Set(spans.map(({ tokens }) => tokens.length));
      const hybrid = groupSpans(spans, model('hybrid'));
      assert.equal(hybrid.length, lengths.size);
      for (const group of hybrid) assert.equal(new Set(group.map((i) => at(spans, i).tokens.length)).size, 1);
      for (const group of groupSpans(spans, model('recurrent'))) {
        const own = group.map((i) => at(spans, i));
        for (const [i, { sequence, tokens }] of own.entries()) {
          assert.equal(sequence, at(own, 0).sequence + i);
          assert.equal(tokens.length, at(own, 0).tokens.length);
        }
      }
    }),
  );
});

test('where batches are apart, each span is one', () => {
  fc.assert(
    fc.property(anySpans, (spans) => {
      assert.ok(groupSpans(spans, model('hybrid', true)).every((group) => group.length === 1));
    }),
  );
});

test('spans whose adapters have other scales are in other groups', () => {
  const span = (sequence: number, scales?: readonly number[]) => ({ sequence, tokens: [0], scales });
  const spans = [span(0, [1]), span(1), span(2, [1]), span(3, [2])];
  for (const memory of ['attention', 'hybrid'] as const) {
    assert.deepEqual(groupSpans(spans, model(memory)), [[0, 2], [1], [3]]);
  }
});
