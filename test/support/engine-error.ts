import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/base/error-table.ts';
import { EngineError } from '../../src/base/errors.ts';

/** For `assert.throws` and `assert.rejects`: an EngineError of this code, whose message matches, or has a text in it. */
export const engineError =
  (code: ErrorCode, message: RegExp | string = '') =>
  (error: unknown): true => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, code, error.message);
    if (typeof message === 'string') assert.ok(error.message.includes(message), error.message);
    else assert.match(error.message, message);
    return true;
  };

/** The error of this code that `work` throws. Throws what else it throws; fails where it throws nothing. */
export function thrown<C extends ErrorCode>(code: C, work: () => unknown): EngineError<C> {
  try {
    work();
  } catch (error) {
    if (error instanceof EngineError && error.code === code) return error as EngineError<C>;
    throw error;
  }
  return assert.fail(`nothing failed with ${code}`);
}
