import type { EngineError, ErrorCode } from '../base/errors.ts';

export type ErrorStatus = 400 | 404 | 500 | 503;

const statuses: Partial<Readonly<Record<ErrorCode, ErrorStatus>>> = {
  BAD_OPTION: 400,
  NO_PROMPT: 400,
  CONTEXT_TOO_LONG: 400,
  CONTEXT_BEYOND_MODEL: 400,
  TEMPLATE_FAILED: 400,
  MODEL_NOT_FOUND: 404,
  SERVER_BUSY: 503,
};

/** The HTTP status of an error: 400 where the request must change, 503 where it may come again. */
export const statusOf = ({ code }: EngineError): ErrorStatus => statuses[code] ?? 500;
