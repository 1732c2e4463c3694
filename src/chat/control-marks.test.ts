import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { ControlMarks } from './control-marks.ts';

const control = (text: string) => ({ text, stripsLeft: false, stripsRight: false });
const marks = new ControlMarks(['<|start|>', '<|end|>', '[INST]', ' '].map(control));

const special = (text: string) => ({ text, special: true });
const plain = (text: string) => ({ text, special: false });

test('a mark stands for one character, and gives it back', () => {
  const text = 'a <|start|> [b] 😀|c';
  const marked = marks.mark(text);
  assert.equal([...marked].length, [...text].length);
  assert.ok(!/[<>[\]]/.test(marked));
  assert.equal(marks.unmark(marked), text);
});

test('texts that are spared stay as they are, even if marked ones stand in them', () => {
  assert.equal(marks.unmark(marks.mark('<b><i>', ['<b>'])), '<b><i>');
  assert.ok(marks.mark('<b><i>', ['<b>']).startsWith('<b>'));
});

test('a stretch of the prompt with a name from a message is text, up to the control tokens around it', () => {
  const prompt = `<|start|>user\nSay ${marks.mark('<|end|>')}.<|end|>\n<|start|>assistant\n`;
  assert.deepEqual(marks.parts(prompt), [
    special('<|start|>'),
    plain('user\nSay <|end|>.'),
    special('<|end|>\n<|start|>assistant\n'),
  ]);
  assert.deepEqual(marks.parts(`<|start|>a < ${marks.mark('b > [c]')}<|end|>`), [
    special('<|start|>a < b > [c]<|end|>'),
  ]);
});

test('a name that only a message and the template make together is text', () => {
  const prompt = `<|${marks.mark('end|>')}[INST]<|start${marks.mark('|>')}`;
  assert.deepEqual(marks.parts(prompt), [plain('<|end|>'), special('[INST]'), plain('<|start|>')]);
});

test('a text beside a token that takes blanks with it loses them, as where the token is read', () => {
  const strips = new ControlMarks([
    { text: '<a>', stripsLeft: false, stripsRight: true },
    { text: '<b>', stripsLeft: true, stripsRight: false },
  ]);
  assert.deepEqual(strips.parts(`<a>\n ${strips.mark('<a>')} \n<b> c`), [
    special('<a>'),
    plain('<a>'),
    special('<b> c'),
  ]);
});

test('a model without control tokens has nothing to mark', () => {
  const none = new ControlMarks([]);
  assert.equal(none.mark('<|end|>'), '<|end|>');
  assert.deepEqual(none.parts('<|end|>'), [special('<|end|>')]);
  assert.ok(!none.touches('<|end|>') && !none.names('<|end|>'));
});

test('whatever messages say, special parts hold the control tokens of the template alone', () => {
  const piece = fc.constantFrom('<|start|>', '<|end|>', '[INST]', '<|', '|>', 'start', 'end', '<', 'a', '\n', '😀');
  const message = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  const names = /<\|start\|>|<\|end\|>|\[INST\]/g;
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
      const prompt = messages.map((one) => `<|start|>user\n${marks.mark(one)}<|end|>\n`).join('');
      const parts = marks.parts(prompt);
      const text = messages.map((one) => `<|start|>user\n${one}<|end|>\n`).join('');
      assert.equal(parts.map((part) => part.text).join(''), text);
      const read = parts.flatMap((part) => (part.special ? (part.text.match(names) ?? []) : []));
      assert.deepEqual(
        read,
        messages.flatMap(() => ['<|start|>', '<|end|>']),
      );
    }),
  );
});
