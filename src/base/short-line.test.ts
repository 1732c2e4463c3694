import assert from 'node:assert/strict';
import test from 'node:test';
import { shortLine } from './short-line.ts';

test('words of another program become part of a line', () => {
  assert.equal(shortLine(' key\n\tfailed\u001b[31m\u2028 now\r\n'), 'key failed [31m now');
  assert.equal(shortLine('x'.repeat(1e6)).length, 300);
  assert.equal(shortLine(' \n'), '');
});

test('a line about a library has the names of its sources, not the folders of the machine that compiled it', () => {
  assert.equal(shortLine('/a/b-c/d.cpp:12: x == 3 failed\n'), 'd.cpp:12: x == 3 failed');
  assert.equal(shortLine('error at /a/b/c.h:2683'), 'error at c.h:2683');
  assert.equal(shortLine('cannot open /models/a.gguf: no such file'), 'cannot open /models/a.gguf: no such file');
});
