import assert from 'node:assert/strict';
import test from 'node:test';
import { EngineError } from '../base/errors.ts';
import { failPart } from './failed-part.ts';

/** The number of tokens that a cache of `inMemory` keeps when a part from position 6 on fails with `error`. */
function keptAfter(error: Error, inMemory: boolean): number {
  let kept: number | undefined;
  let failure: Error | undefined;
  const sequence = {
    fail: (reason: Error) => {
      failure = reason;
    },
  };
  const cache = {
    inMemory,
    truncate: (tokens: number) => {
      kept = tokens;
      return tokens;
    },
  };
  failPart({ sequence, cache, span: { start: 6 } }, error);
  assert.equal(failure, error, 'its reader hears of it');
  return kept ?? assert.fail();
}

const file = 'model.gguf';

test('a cache is as it was before a pass that failed', () => {
  for (const inMemory of [true, false]) {
    for (const error of [new Error('a bug'), new EngineError('COMPUTE_FAILED', { status: 1 })]) {
      assert.equal(keptAfter(error, inMemory), 6);
    }
  }
});

test('a text without finite logits is lost, and on the SSD also one whose bytes may be wrong', () => {
  const notFinite = new EngineError('NOT_FINITE', { file });
  assert.deepEqual([keptAfter(notFinite, true), keptAfter(notFinite, false)], [0, 0]);
  for (const error of [
    new EngineError('FILE_CHANGED', { file, offset: 0 }),
    new EngineError('READ_FAILED', { file, offset: 0, reason: 'EIO' }),
    new EngineError('WRITE_FAILED', { file, offset: 0, reason: 'EIO' }),
  ]) {
    assert.deepEqual([keptAfter(error, true), keptAfter(error, false)], [6, 0]);
  }
});
