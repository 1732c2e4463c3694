import assert from 'node:assert/strict';
import { EngineError } from '../../src/base/errors.ts';
import { chooseCpuVariant } from '../../src/ggml/cpu-variant.ts';

/** The CPU variants of ggml that this processor can run: the error for one that there is not lists them. */
export function usableVariants(): readonly string[] {
  try {
    chooseCpuVariant('abacus');
  } catch (error) {
    if (!(error instanceof EngineError && error.code === 'CPU_VARIANT')) throw error;
    return (error as EngineError<'CPU_VARIANT'>).details.usable;
  }
  return assert.fail('there is no such variant');
}
