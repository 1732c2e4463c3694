import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { escapeUnprintable, printable, showable } from './printable.ts';

const turning = [...'\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069'];
const marks = [...'\u200e\u200f\u061c'];
const family = '👩\u200d👧 می\u200cخواهم';

test('a name shows no control characters, and none that turn or break its line', () => {
  for (const unsafe of ['\u001b[31m', '\u009b31m', '\u007f', '\r', '\n', '\u2028', '\u2029', ...turning, ...marks]) {
    assert.equal(printable(`tide${unsafe}fdp`), `tide\ufffd${unsafe.slice(1)}fdp`);
  }
  assert.equal(printable(family), family);
});

test('an answer at a terminal keeps its lines, tabs and letters, and obeys nothing', () => {
  const text = `one\n\ttwo ${family} שלום\u200e!`;
  assert.equal(showable(text), text);
  assert.equal(showable('one\r\ntwo\rthree'), 'one\ntwothree');
  for (const unsafe of ['\u0000', '\u0007', '\u0008', '\u001b', '\u007f', '\u0090', '\u009b', '\u009d', ...turning]) {
    assert.equal(showable(`a${unsafe}b`), 'a\ufffdb');
  }
});

test('however an answer is cut into pieces, what is shown is the same', () => {
  const anyText = fc.string({ unit: fc.constantFrom('a', '\r', '\n', '\u001b', '[', '\u202e', '👩', '\u200d') });
  fc.assert(
    fc.property(fc.array(anyText), (pieces) => {
      assert.equal(pieces.map(showable).join(''), showable(pieces.join('')));
    }),
  );
});

test('JSON says the same, in characters that a terminal shows', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const json = escapeUnprintable(JSON.stringify({ text }));
      assert.deepEqual(JSON.parse(json), { text });
      assert.doesNotMatch(json, /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/u);
    }),
  );
});
