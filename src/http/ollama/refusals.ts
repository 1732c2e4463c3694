import { EngineError } from '../../base/errors.ts';
import { errorResponseOf, Refusal } from '../refusal.ts';

// Clients look for this very sentence.
const busy = 'server busy, please try again.  maximum pending requests exceeded';

/** A refusal of requests that are not supported yet, or whose parts do not go together. */
export const unsupportedRequest = (message: string): Refusal => new Refusal(400, message, { code: 'not_supported' });

/** A refusal of requests that the model does not support. */
export const unsupportedByModel = (model: string, what: string): Refusal =>
  unsupportedRequest(`"${model}" does not support ${what}`);

/** An error as clients of Ollama's API expect it. */
export function errorBody(cause: unknown): { readonly error: string } {
  if (cause instanceof EngineError && cause.code === 'SERVER_BUSY') return { error: busy };
  return { error: errorResponseOf(cause).error.message };
}
