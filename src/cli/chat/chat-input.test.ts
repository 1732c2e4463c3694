import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type ChatInput, InputParser } from './chat-input.ts';

/** The inputs from lines that are typed one by one, with the one that is complete only at the end. */
function typed(...lines: readonly string[]): readonly ChatInput[] {
  const parser = new InputParser(1000);
  return [...lines.map((line) => parser.push(line)), parser.end()].filter((input) => input !== undefined);
}

const message = (text: string): ChatInput => ({ kind: 'message', text });
const command = (name: string, argument?: string): ChatInput => ({ kind: 'command', name, argument });

test('a line is a message, and an empty one is nothing', () => {
  assert.deepEqual(typed('  Why is the sky blue? ', '', ' \t'), [message('Why is the sky blue?')]);
});

test('a slash makes a command with what follows it; two slashes make a message with one', () => {
  assert.deepEqual(typed('/clear', '/system  Be  kind. ', ' /?', '/'), [
    command('clear'),
    command('system', 'Be  kind.'),
    command('?'),
    command(''),
  ]);
  assert.deepEqual(typed('//etc/hosts is what?', '//'), [message('/etc/hosts is what?'), message('/')]);
});

test('three quotes begin and end a message of several lines, alone or beside its text', () => {
  assert.deepEqual(typed('"""', 'one', '  two', '"""'), [message('one\n  two')]);
  assert.deepEqual(typed('"""one', '/clear', 'two""" '), [message('one\n/clear\ntwo')]);
  assert.deepEqual(typed('"""one"""', 'two'), [message('one'), message('two')]);
  assert.deepEqual(typed('"""', '', 'one', '', '"""'), [message('\none\n')]);
  assert.deepEqual(typed('""""""', '"""', '  ', '"""'), [], 'nothing between them is nothing');
  assert.deepEqual(typed('a """ b'), [message('a """ b')], 'within a line they are text');
});

test('three quotes serve as the argument of a command too', () => {
  assert.deepEqual(typed('/system """Be', 'kind."""', '/system """"""'), [
    command('system', 'Be\nkind.'),
    command('system', ''),
  ]);
  assert.deepEqual(typed('//x """a'), [message('/x """a')]);
});

test('what was never closed is complete at the end', () => {
  assert.deepEqual(typed('"""one', 'two'), [message('one\ntwo')]);
});

test('pasted lines are one message, which the line that is entered by hand completes', () => {
  const parser = new InputParser(1000);
  for (const line of ['', '  def f():', '/clear']) assert.equal(parser.push(line, true), undefined);
  assert.ok(parser.open);
  assert.deepEqual(parser.push('What is that?'), message('  def f():\n/clear\nWhat is that?'));
  assert.equal(parser.open, false);
});

test('a single line that was pasted with its end is as good as typed', () => {
  for (const [line, input] of [
    ['/clear', command('clear')],
    ['Hello', message('Hello')],
    ['', undefined],
  ] as const) {
    const parser = new InputParser(1000);
    parser.push(line, true);
    assert.deepEqual(parser.push(''), input);
  }
});

test('three quotes work in a paste as they do by hand', () => {
  const parser = new InputParser(1000);
  assert.equal(parser.push('"""one', true), undefined);
  assert.deepEqual(parser.push('two"""', true), message('one\ntwo'));
});

test('Ctrl-C drops what has begun; it leaves only twice in a row where there is nothing to drop', () => {
  const parser = new InputParser(1000);
  parser.push('"""one');
  assert.equal(parser.interrupt(false), false);
  assert.equal(parser.open, false);
  assert.equal(parser.interrupt(true), false, 'a line was typed');
  assert.equal(parser.interrupt(false), false);
  assert.equal(parser.interrupt(false), true);
  parser.push('');
  assert.equal(parser.interrupt(false), false, 'a line came between');
});

const line = fc.string({ unit: 'binary' }).map((text) => text.replace(/[\r\n]/g, ' '));
const lines = fc.array(fc.oneof(line, fc.constantFrom('', '"""', '/clear', '//', '"""a', 'b"""', '/system """')));

test('any text without three quotes at the end of a line comes through them unchanged', () => {
  fc.assert(
    fc.property(fc.array(line, { minLength: 1 }), (content) => {
      fc.pre(content.every((one) => !one.trimEnd().endsWith('"""')) && content.join('').trim() !== '');
      assert.deepEqual(typed('"""', ...content, '"""'), [message(content.join('\n'))]);
    }),
  );
});

test('any line that is not empty can be said after a slash of its own', () => {
  fc.assert(
    fc.property(line, (text) => {
      fc.pre(!text.trim().startsWith('"""') && text.trim() !== '');
      assert.deepEqual(typed(`//${text}`), [message(`/${text.trimEnd()}`)]);
    }),
  );
});

test('whatever is typed and pasted, no message is blank, and at the end nothing is open', () => {
  fc.assert(
    fc.property(lines, fc.array(fc.boolean()), (lines, pasted) => {
      const parser = new InputParser(1000);
      const inputs = [...lines.map((line, i) => parser.push(line, pasted[i])), parser.end()];
      assert.equal(parser.open, false);
      for (const input of inputs) assert.ok(input?.kind !== 'message' || input.text.trim() !== '');
    }),
  );
});

test('outside of quotes and pastes every line is complete', () => {
  fc.assert(
    fc.property(line, (text) => {
      fc.pre(!/^\s*(\/\S+\s+)?"""/.test(text));
      const parser = new InputParser(1000);
      parser.push(text);
      assert.equal(parser.open, false);
    }),
  );
});

test('of what is too long no more is kept than shows that it is', () => {
  const parser = new InputParser(1000);
  for (const line of ['"""', ...Array(500).fill('x'.repeat(99))]) parser.push(line);
  const input = parser.push('"""');
  assert.ok(input?.kind === 'message' && input.text.length > 1000 && input.text.length < 1100);
  for (let i = 0; i < 500; i += 1) parser.push('x'.repeat(99), true);
  const pasted = parser.push('end');
  assert.ok(pasted?.kind === 'message' && pasted.text.length > 1000 && pasted.text.length < 1100);
});
