import type { ErrorCode } from '../base/error-details.ts';
import { EngineError } from '../base/errors.ts';

const codes: ReadonlySet<ErrorCode> = new Set([
  'BAD_OPTION',
  'BAD_GRAMMAR',
  'EMPTY_INPUT',
  'NO_PROMPT',
  'NOT_FOR_ANSWERS',
  'NOT_FOR_EMBEDDINGS',
  'NOT_FOR_RANKING',
  'NO_INFILL',
  'CONTEXT_TOO_LONG',
  'CONTEXT_BEYOND_MODEL',
  'TEMPLATE_FAILED',
  'MODEL_NOT_FOUND',
  'MODEL_AMBIGUOUS',
  'MODEL_NOT_OURS',
  'SERVER_BUSY',
  'GRAMMARS_FULL',
  'ANSWER_UNREAD',
]);

/** Whether a request failed by its content or its time, not by a fault of the engine. */
export const isRefused = (error: unknown): error is EngineError =>
  error instanceof EngineError && codes.has(error.code);
