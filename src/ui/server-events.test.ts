import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { EventReader, LineReader } from './server-events.ts';

/** A text in any pieces. */
const cut = (text: string): fc.Arbitrary<string[]> =>
  fc.array(fc.nat(text.length), { maxLength: 8 }).map((cuts) => {
    const at = [0, ...cuts.sort((a, b) => a - b), text.length];
    return at.slice(1).map((end, i) => text.slice(at[i], end));
  });

test('events and lines are the same however the text is cut', () => {
  const events = 'data: {"a":1}\n\n: ping\n\ndata: two\ndata: lines\n\nevent: x\ndata:3\n\n';
  fc.assert(
    fc.property(cut(events), (pieces) => {
      const reader = new EventReader();
      assert.deepEqual(
        pieces.flatMap((piece) => reader.push(piece)),
        ['{"a":1}', 'two\nlines', '3'],
      );
    }),
  );
  fc.assert(
    fc.property(cut('{"a":1}\n   {"b":2}\n\n'), (pieces) => {
      const reader = new LineReader();
      assert.deepEqual(
        pieces.flatMap((piece) => reader.push(piece)),
        ['{"a":1}', '   {"b":2}'],
      );
    }),
  );
});
