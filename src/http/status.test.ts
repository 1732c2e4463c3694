import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineError } from '../base/errors.ts';
import { statusOf } from './status.ts';

test('what the client can mend is 400, what is not there 404, what passes 503, all else 500', () => {
  assert.equal(statusOf(new EngineError('BAD_OPTION', { option: 'topP', value: '3', expected: 'less' })), 400);
  assert.equal(statusOf(new EngineError('NO_PROMPT', {})), 400);
  assert.equal(statusOf(new EngineError('CONTEXT_TOO_LONG', { prompt: 9, context: 8 })), 400);
  assert.equal(statusOf(new EngineError('CONTEXT_BEYOND_MODEL', { context: 9, trained: 8 })), 400);
  assert.equal(statusOf(new EngineError('TEMPLATE_FAILED', { reason: 'roles' })), 400);
  assert.equal(statusOf(new EngineError('MODEL_NOT_FOUND', { file: 'x.gguf' })), 404);
  assert.equal(statusOf(new EngineError('MODEL_AMBIGUOUS', { name: 'x', models: ['x:1b', 'x:8b'] })), 400);
  assert.equal(statusOf(new EngineError('MODEL_NOT_OURS', { name: 'x', file: 'x.gguf' })), 400);
  assert.equal(statusOf(new EngineError('SERVER_BUSY', { waiting: 9 })), 503);
  assert.equal(statusOf(new EngineError('ANSWER_UNREAD', {})), 503);
  assert.equal(statusOf(new EngineError('ENGINE_DIED', { model: 'x', reason: 'killed' })), 500);
  assert.equal(statusOf(new EngineError('BUDGET_TOO_SMALL', { budget: 1, needed: 2, parts: {} })), 500);
});
