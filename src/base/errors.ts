import type { ErrorCode, ErrorDetails, ErrorKind } from './error-details.ts';
import { errorTable } from './error-table.ts';

/**
 * An error a user can act on.
 *
 * @example
 * try {
 *   model.plan();
 * } catch (error) {
 *   if (error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL') console.error(error.details);
 * }
 */
export class EngineError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly kind: ErrorKind;
  readonly details: ErrorDetails[C];
  constructor(code: C, details: ErrorDetails[C], options?: ErrorOptions) {
    const [kind, message] = errorTable[code];
    super(message(details), options);
    this.name = 'EngineError';
    this.code = code;
    this.kind = kind;
    this.details = details;
  }

  /** The message in the words of a client of the server. */
  get clientMessage(): string {
    const [, message, clientMessage = message] = errorTable[this.code];
    return clientMessage(this.details);
  }
}

/** True for a prompt that is longer than its context. */
export const isTooLong = (error: unknown): error is EngineError<'CONTEXT_TOO_LONG'> =>
  error instanceof EngineError && error.code === 'CONTEXT_TOO_LONG';

/** True for an option that is not valid. */
export const isBadOption = (error: unknown): error is EngineError<'BAD_OPTION'> =>
  error instanceof EngineError && error.code === 'BAD_OPTION';
