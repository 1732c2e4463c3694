import assert from 'node:assert/strict';
import test from 'node:test';
import { PrefillComment } from './prefill-comment.ts';

test('the comment that breaks a silence tells how far the model is with the prompt', () => {
  const comment = new PrefillComment();
  assert.equal(comment.text, 'ping');
  const progress = { tokens: 3, total: 5, cached: 2, seconds: 0.25 };
  comment.read({ text: '', logprobs: [], progress });
  comment.read({ text: 'a', logprobs: [] });
  assert.equal(comment.text, 'prompt 3/5');
});
