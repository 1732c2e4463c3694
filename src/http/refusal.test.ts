import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineError } from '../base/errors.ts';
import { errorResponseOf, Refusal } from './refusal.ts';

test('an error repeats no more of a request than fits in a sentence', () => {
  const name = '\u{1f4a9}'.repeat(2 ** 20);
  const refusal = new Refusal(404, `model '${name}' not found`, { code: 'model_not_found', param: name });
  const { message, param } = errorResponseOf(refusal).error;
  assert.match(message, /^model '\u{1f4a9}{400,}.…$/u);
  assert.ok(message.length < 1100 && param !== null && param.length < 1100);
  assert.equal(Buffer.from(message).toString(), message, 'no character is cut in two');
  const short = new Refusal(400, 'no', { code: 'invalid_value', param: 'top_p' });
  assert.deepEqual([errorResponseOf(short).error.message, errorResponseOf(short).error.param], ['no', 'top_p']);
});

test('a prompt that is too long is told with the numbers that clients read', () => {
  const { status, error } = errorResponseOf(new EngineError('CONTEXT_TOO_LONG', { prompt: 600, context: 512 }));
  assert.deepEqual(
    [status, error.code, error.n_prompt_tokens, error.n_ctx],
    [400, 'context_length_exceeded', 600, 512],
  );
  assert.match(error.message, /600 tokens, which exceeds the available context size; .*maximum context length is 512/);
});

test('an option that an engine refuses is named as the APIs spell it', () => {
  const details = { option: 'repeatLastN', value: '-5', expected: 'a number from 0 on' };
  const { message, param } = errorResponseOf(new EngineError('BAD_OPTION', details)).error;
  assert.match(message, /^repeat_last_n -5 is not valid/);
  assert.equal(param, 'repeat_last_n');
});
