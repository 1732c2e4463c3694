import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { Context } from './context.ts';
import { checkAvailable } from './system.ts';

const isOutOfMemory = engineError('OUT_OF_MEMORY');

test('memory that the system refuses to a context is an error, not the end of the process', () => {
  assert.throws(() => new Context(2 ** 46), isOutOfMemory);
  using context = new Context(2 ** 20);
  assert.ok(context.pointer);
});

test('room that is not there is told beforehand', { skip: process.platform !== 'linux' }, () => {
  assert.throws(() => checkAvailable(2 ** 46, 'a test'), isOutOfMemory);
  checkAvailable(2 ** 20, 'a test');
});
