import type { EngineError } from '../base/errors.ts';
import { isRefused } from '../worker/refused.ts';

export type ErrorStatus = 400 | 404 | 500 | 503 | 507;

/** The HTTP status of an error: 400 where the request must change, 503 where it may come again. */
export function statusOf(error: EngineError): ErrorStatus {
  switch (error.code) {
    case 'MODEL_NOT_FOUND':
    case 'REMOTE_NOT_FOUND':
      return 404;
    case 'WRONG_SUM':
      return 400;
    case 'NO_ROOM':
      return 507;
    case 'SERVER_BUSY':
    case 'ANSWER_UNREAD':
    case 'GRAMMARS_FULL':
      return 503;
    default:
      return isRefused(error) ? 400 : 500;
  }
}
