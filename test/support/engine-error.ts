import assert from 'node:assert/strict';
import type { ErrorCode } from '../../src/base/error-details.ts';
import { EngineError } from '../../src/base/errors.ts';

/**
 * For `assert.throws` and `assert.rejects`: an EngineError of this code, whose message matches, or has a text in it, or whose
 * details have these among them.
 */
export const engineError =
  (code: ErrorCode, wanted: RegExp | string | Readonly<Record<string, unknown>> = '') =>
  (error: unknown): true => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, code, error.message);
    if (typeof wanted === 'string') assert.ok(error.message.includes(wanted), error.message);
    else if (wanted instanceof RegExp) assert.match(error.message, wanted);
    else assert.deepEqual({ ...error.details, ...wanted }, { ...error.details });
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

/** The error of this code that a promise is rejected with; fails where it is not. */
export async function rejectsWith<C extends ErrorCode>(promise: Promise<unknown>, code: C): Promise<EngineError<C>> {
  const error = await promise.then(
    () => assert.fail(`nothing failed with ${code}`),
    (reason: unknown) => reason,
  );
  engineError(code)(error);
  return error as EngineError<C>;
}
