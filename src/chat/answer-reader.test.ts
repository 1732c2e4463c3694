import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type AnswerFormat, controlTexts, newAnswerReader, plainFormat } from './answer-reader.ts';

const thoughts = { open: '<think>', close: '</think>' };

/** Thoughts and text of an answer that comes in these pieces. */
function read(format: AnswerFormat, ...pieces: readonly string[]): readonly [thinking: string, text: string] {
  const reader = newAnswerReader(format);
  const parts = [...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()];
  return [parts.map(({ thinking = '' }) => thinking).join(''), parts.map(({ text }) => text).join('')];
}

test('thoughts at the begin of an answer come apart, without the blanks around them', () => {
  assert.deepEqual(read({ thoughts }, '\n<think>\nHm. So?\n</think>\n\nYes.\n'), ['Hm. So?', 'Yes.\n']);
});

test('an answer without thoughts is text, with its blanks', () => {
  for (const text of ['  Yes.\n', 'Say <think>hm</think>.', '<thin', '<', '   ', '']) {
    assert.deepEqual(read({ thoughts }, text), ['', text]);
  }
});

test('a prompt that has opened the thoughts counts, also where the model opens them again', () => {
  const opened = { thoughts, opened: true };
  assert.deepEqual(read(opened, 'Hm.</think>Yes.'), ['Hm.', 'Yes.']);
  assert.deepEqual(read(opened, '<think>\nHm.</think>Yes.'), ['Hm.', 'Yes.']);
});

test('a closing tag at the begin says that there are no thoughts', () => {
  assert.deepEqual(read({ thoughts }, '</think>\n\nYes.'), ['', 'Yes.']);
});

test('thoughts between parts of the text come apart where a model may think there', () => {
  const anywhere = { thoughts: { ...thoughts, anywhere: true } };
  assert.deepEqual(read(anywhere, '<think>One.</think>\nA <think>Two.</think>\nB</think>'), ['One.Two.', 'A \nB']);
  assert.deepEqual(read({ ...anywhere, begun: 'So: ' }, ' A<think>Two.</think>B'), ['Two.', ' AB']);
  assert.deepEqual(read({ thoughts }, 'A<think>Two.</think>B'), ['', 'A<think>Two.</think>B']);
});

test('thoughts that do not end are thoughts', () => {
  assert.deepEqual(read({ thoughts }, '<think>Hm.\n</thi'), ['Hm.\n</thi', '']);
  assert.deepEqual(read({ thoughts, opened: true }, 'Hm. '), ['Hm.', '']);
});

test('without tags everything is content', () => {
  assert.deepEqual(read(plainFormat, '<think>', 'Hm.</think>'), ['', '<think>Hm.</think>']);
});

test('however an answer is cut, its parts are the same', () => {
  const word = fc.constantFrom('<think>', '</think>', '<', 'think>', ' ', '\n', 'a', '</');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.boolean(), fc.boolean(), fc.array(fc.nat(5)), (...given) => {
      const [words, opened, anywhere, sizes] = given;
      const text = words.join('');
      const format = { thoughts: { ...thoughts, anywhere }, opened };
      const pieces: string[] = [];
      let rest = text;
      for (const size of sizes) {
        pieces.push(rest.slice(0, size));
        rest = rest.slice(size);
      }
      assert.deepEqual(read(format, ...pieces, rest), read(format, text));
    }),
  );
});

test('a reader says whether the model thinks', () => {
  const reader = newAnswerReader({ thoughts });
  const states = ['<think', '>', 'hm', '</think>', 'Yes'].map((piece) => {
    reader.push(piece);
    return reader.thinking;
  });
  assert.deepEqual(states, [false, true, true, false, false]);
  assert.equal(newAnswerReader({ thoughts, opened: true }).thinking, true);
});

test('control tokens are shown to a reader that looks for them', () => {
  assert.deepEqual(controlTexts({ thoughts }), ['<think>', '</think>']);
  assert.deepEqual(controlTexts(plainFormat), []);
});
