import assert from 'node:assert/strict';
import test from 'node:test';
import { columns } from './columns.ts';

test('columns stand below each other, and no line ends in spaces', () => {
  assert.deepEqual(columns([['NAME', 'SIZE'], ['a longer name', '1 B'], ['x']]), [
    'NAME           SIZE',
    'a longer name  1 B',
    'x',
  ]);
  assert.deepEqual(columns([]), []);
});
