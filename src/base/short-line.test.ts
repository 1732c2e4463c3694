import assert from 'node:assert/strict';
import test from 'node:test';
import { shortLine } from './short-line.ts';

test('words of another program become part of a line', () => {
  assert.equal(shortLine(' key\n\tfailed\u001b[31m\u2028 now\r\n'), 'key failed [31m now');
  assert.equal(shortLine('x'.repeat(1e6)).length, 300);
  assert.equal(shortLine(' \n'), '');
});
