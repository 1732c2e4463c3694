import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineError } from '../base/errors.ts';
import { kvOf } from './kv-options.ts';

test('a window has four sinks unless another number is given', () => {
  assert.deepEqual(kvOf({ kvType: 'q8_0', kvHome: 'ram', kvDir: '/kv' }), {
    type: 'q8_0',
    window: undefined,
    home: 'ram',
    folder: '/kv',
  });
  assert.deepEqual(kvOf({ kvType: 'f16', kvHome: 'auto', slidingWindow: 100 }).window, { tokens: 100, sinks: 4 });
  assert.deepEqual(kvOf({ kvType: 'f16', kvHome: 'auto', slidingWindow: 100, sinkTokens: 0 }).window, {
    tokens: 100,
    sinks: 0,
  });
});

test('sinks without a window make no sense', () => {
  assert.throws(
    () => kvOf({ kvType: 'f16', kvHome: 'auto', sinkTokens: 0 }),
    (error) => error instanceof EngineError && /--sink-tokens 0 .*--sliding-window/.test(error.message),
  );
});
