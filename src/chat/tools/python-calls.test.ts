import assert from 'node:assert/strict';
import test from 'node:test';
import { callsOf, readAnswer } from '../../../test/support/call-transcripts.ts';

test('values of Python become JSON', () => {
  const value = (python: string): unknown =>
    (callsOf(readAnswer('Llama 4', [`[boat.book(note=${python})]`]))[0] as [string, { note: unknown }])[1].note;
  assert.deepEqual(value('{"a": True, \'b\': [None, 1.5, -2]}'), { a: true, b: [null, 1.5, -2] });
  assert.equal(value("'it\\'s \\x41\\u00e9\\n'"), "it's Aé\n");
  assert.equal(value('"""two\n"lines\\""""'), 'two\n"lines"');
  assert.equal(value('now(1, 2)'), 'now(1, 2)');
  assert.equal(value('x + [1]'), 'x + [1]');
});
