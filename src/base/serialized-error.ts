import type { ErrorCode } from './error-details.ts';
import { EngineError } from './errors.ts';

/** An error on its way between processes. */
export type SerializedError =
  | { readonly code: ErrorCode; readonly details: unknown }
  | { readonly code: undefined; readonly message: string };

export const serializeError = (error: unknown): SerializedError =>
  error instanceof EngineError
    ? { code: error.code, details: error.details }
    : { code: undefined, message: (error as Error).stack ?? String(error) };

export const deserializeError = (failure: SerializedError): Error =>
  failure.code === undefined
    ? new Error(failure.message)
    : new EngineError(failure.code, failure.details as EngineError['details']);
