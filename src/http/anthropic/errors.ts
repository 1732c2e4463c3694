import { errorResponseOf } from '../refusal.ts';

const types: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  413: 'request_too_large',
  503: 'overloaded_error',
};

/** An error as Anthropic's clients expect it. */
export function anthropicError(cause: unknown): { readonly type: 'error'; readonly error: object } {
  const { status, error } = errorResponseOf(cause);
  const type = types[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { type: 'error', error: { type, message: error.message } };
}
