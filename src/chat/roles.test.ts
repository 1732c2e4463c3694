import assert from 'node:assert/strict';
import test from 'node:test';
import { roleOf } from './roles.ts';

test('roles have one name each, in any case of letters; others stay as they are', () => {
  assert.deepEqual(['Developer', 'SYSTEM', 'human', 'Model', 'function'].map(roleOf), [
    'system',
    'system',
    'user',
    'assistant',
    'tool',
  ]);
  assert.deepEqual(['Narrator', '__proto__', 'constructor'].map(roleOf), ['narrator', '__proto__', 'constructor']);
});
