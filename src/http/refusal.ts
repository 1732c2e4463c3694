import { fieldOf } from '../base/error-table.ts';
import { EngineError, isBadOption, isTooLong } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { statusOf } from './status.ts';

type Status = 400 | 401 | 404 | 405 | 413 | 415 | 500 | 503 | 507;

/** A refusal of a request by the rules of HTTP or the API, before any engine is asked. */
export class Refusal extends Error {
  readonly status: Status;
  /** A stable name of the case, as OpenAI has them: "model_not_found". */
  readonly code: string;
  /** The field of the body with the fault. */
  readonly param: string | null;

  constructor(status: Status, message: string, { code, param = null }: { code: string; param?: string | null }) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

/** A failure as clients see it. The shape of OpenAI and llama-server is {error}; Ollama's has its message alone. */
export interface ErrorResponse {
  readonly status: Status;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
    /** Tokens of a prompt that is too long, and of the context, as llama-server's clients read them. */
    readonly n_prompt_tokens?: number;
    readonly n_ctx?: number;
  };
}

const types: Partial<Readonly<Record<Status, string>>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  413: 'invalid_request_error',
  415: 'invalid_request_error',
};

/** Characters of a client's text that are repeated to it. */
const mostRepeated = 1000;
const shortened = (text: string): string =>
  text.length > mostRepeated ? `${text.slice(0, mostRepeated).replace(/[\ud800-\udbff]$/, '')}…` : text;

const failure = (
  status: Status,
  message: string,
  { code, param }: { code: string; param: string | null },
): ErrorResponse => ({
  status,
  error: { message: shortened(message), type: types[status] ?? 'api_error', param: param && shortened(param), code },
});

/** The public part of `error`: only that there was one, unless it was made for users to read. */
export function errorResponseOf(error: unknown): ErrorResponse {
  if (error instanceof Refusal) return failure(error.status, error.message, error);
  if (error instanceof EngineError) {
    if (isTooLong(error)) {
      const { prompt: n_prompt_tokens, context: n_ctx } = error.details;
      const response = failure(400, error.clientMessage, { code: 'context_length_exceeded', param: null });
      return { ...response, error: { ...response.error, n_prompt_tokens, n_ctx } };
    }
    return failure(statusOf(error), error.clientMessage, {
      code: error.code.toLowerCase(),
      param: isBadOption(error) ? fieldOf(error.details.option) : null,
    });
  }
  return failure(500, "internal error; the server's log says more", { code: 'internal_error', param: null });
}

/** True if the client's connection has closed: while a body is read, that is known before the signal tells. */
export const hasLeft = ({ signal }: Request, error: NodeJS.ErrnoException): boolean =>
  signal.aborted || error.code === 'ECONNRESET';

/** Reports a failure in the midst of a body. Returns it in the form of OpenAI and llama-server. */
export function failedBody(log: Log, { url }: Request, error: unknown): string {
  logFailure(log, error, new URL(url).pathname);
  return JSON.stringify({ error: errorResponseOf(error).error });
}

/** Reports errors that are not the client's doing to the operator. */
export function logFailure(log: Log, error: unknown, path: string): void {
  if (error instanceof EngineError) {
    if (statusOf(error) === 500) log.error({ path, code: error.code }, error.message);
  } else if (!(error instanceof Refusal)) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    log.error({ path, stack }, message);
  }
}
