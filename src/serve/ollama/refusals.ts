import { EngineError } from '../../base/errors.ts';
import { errorResponseOf, Refusal } from '../refusal.ts';

// Clients look for this very sentence.
const busy = 'server busy, please try again.  maximum pending requests exceeded';

/** A request that wants what this server does not do yet, or what makes no sense together. */
export const unsupportedRequest = (message: string): Refusal => new Refusal(400, message, { code: 'not_supported' });

/** A request that wants what the model does not do. */
export const unsupportedByModel = (model: string, what: string): Refusal =>
  unsupportedRequest(`"${model}" does not support ${what}`);

/** How a client of Ollama's API is told of an error. */
export function errorBody(cause: unknown): { readonly error: string } {
  if (cause instanceof EngineError && cause.code === 'SERVER_BUSY') return { error: busy };
  return { error: errorResponseOf(cause).error.message };
}
