import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { utf8Sequences } from './utf8.ts';

const codePoint = fc.oneof(
  fc.constantFrom(0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff),
  fc.integer({ min: 0, max: 0x10ffff }).filter((point) => point < 0xd800 || point > 0xdfff),
);

test('the bytes of a character go through the sequences of a range if the character is in it, and through one only', () => {
  fc.assert(
    fc.property(codePoint, codePoint, codePoint, (first, last, point) => {
      const bytes = Buffer.from(String.fromCodePoint(point));
      const through = utf8Sequences({ first, last }).filter(
        (sequence) =>
          sequence.length === bytes.length &&
          sequence.every(([low, high], i) => low <= (bytes[i] as number) && (bytes[i] as number) <= high),
      );
      assert.equal(through.length, first <= point && point <= last ? 1 : 0);
    }),
    { numRuns: 2000 },
  );
});
