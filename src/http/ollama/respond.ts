import type { Log } from '../../base/log.ts';
import type { AnswerPart } from '../../chat/answer-part.ts';
import type { Conversation } from '../../chat/message.ts';
import type { WebOptions } from '../../download/web.ts';
import type { ServedModel } from '../../library/model-card.ts';
import {
  type Answer,
  type Backend,
  type Ending,
  type GenerationRequest,
  isEmpty,
  type TokenLogprob,
} from '../../worker/backend.ts';
import { CallList, type ListedCall } from '../call-list.ts';
import { logFailure } from '../refusal.ts';
import { knowsThoughts } from '../request/idle-thinking.ts';
import { recorded } from '../request/request-log.ts';
import { reservationOf } from '../request/reservations.ts';
import { warnOfIdleOptions } from '../request/sampling-fields.ts';
import { addWarning } from '../request/warnings.ts';
import { clientOf, type StreamTimeouts, streamed, type Write } from '../streaming.ts';
import { WholeAnswer } from '../whole-answer.ts';
import { errorBody, unsupportedByModel } from './refusals.ts';
import type { OllamaAnswerRequest } from './requests.ts';

/** Parts that the endpoints work with. */
export interface OllamaService {
  readonly backend: Backend;
  readonly log: Log;
  readonly timeouts: StreamTimeouts;
  /** The ways to where models are downloaded from. */
  readonly web: WebOptions;
}

/** A part of an answer whose calls are whole. */
export interface WrittenPart extends AnswerPart {
  readonly toolCalls?: readonly ListedCall[] | undefined;
}

/** The form in which an endpoint writes an answer. */
export interface AnswerForm {
  /** The members that hold a part of the answer. */
  part(part: WrittenPart): object;
  /** More members of the last object. */
  last?(ending: Ending): object;
}

interface AnswerJob {
  readonly request: OllamaAnswerRequest;
  readonly model: ServedModel;
  readonly generation: GenerationRequest;
  readonly form: AnswerForm;
}

/** Throws a Refusal for wishes that are not supported yet; options without effect become a warning. */
export function checkSupported(
  raw: Request,
  request: OllamaAnswerRequest,
  { served, conversation }: { served: ServedModel; conversation: Conversation },
): void {
  const { model, options } = request;
  if (request.think && !knowsThoughts(served, conversation)) throw unsupportedByModel(model, 'thinking');
  if (options.ignored.length > 0) addWarning(raw, `options without effect: ${options.ignored.join(', ')}`);
}

/** Bytes of a token in a list, and as JSON. */
const perToken = 24;

const nothing: WrittenPart = { text: '' };

/** Nanoseconds from seconds. */
export const nanoseconds = (seconds: number): number => Math.round(seconds * 1e9);

const logprobOf = ({ text, logprob, bytes }: Omit<TokenLogprob, 'top'>): object => ({ token: text, logprob, bytes });

const logprobsOf = (tokens: readonly TokenLogprob[]): object =>
  tokens.length > 0
    ? { logprobs: tokens.map((token) => ({ ...logprobOf(token), top_logprobs: token.top.map(logprobOf) })) }
    : {};

const durationsOf = (ending: Ending): object => ({
  total_duration: nanoseconds(ending.totalSeconds),
  // Clients take 0 for a missing value.
  load_duration: Math.max(1, nanoseconds(ending.loadSeconds)),
  prompt_eval_count: ending.promptTokens,
  prompt_eval_cached_count: ending.cachedTokens,
  prompt_eval_duration: nanoseconds(ending.promptSeconds),
  eval_count: ending.answerTokens,
  eval_duration: nanoseconds(ending.answerSeconds),
});

const stamp = ({ model }: OllamaAnswerRequest): object => ({ model, created_at: new Date().toISOString() });

/** Answers the request: line by line, or with one object. Refusals come before anything is sent. */
export function respond(
  service: OllamaService,
  raw: Request,
  { request, model, generation, form }: AnswerJob,
): Promise<Response> {
  warnOfIdleOptions(raw, generation.sampling, model);
  const last = ({ ending }: Answer, part: WrittenPart): object => {
    if (!ending) throw new Error('an answer has ended without an ending');
    const reason = { done: true, done_reason: ending.reason === 'length' ? 'length' : 'stop' };
    return { ...stamp(request), ...form.part(part), ...reason, ...form.last?.(ending), ...durationsOf(ending) };
  };

  // At the end comes a list of all tokens, if it is wanted.
  const reserveTokens = (count: number): void => {
    if (generation.tokens) reservationOf(raw).add(perToken * count);
  };

  async function lines(answer: Answer, write: Write): Promise<void> {
    const calls = new CallList();
    const line = (part: WrittenPart, logprobs: readonly TokenLogprob[]): Promise<void> => {
      const chunk = { ...stamp(request), ...form.part(part), done: false, ...logprobsOf(logprobs) };
      return write(`${JSON.stringify(chunk)}\n`);
    };
    for await (const { text, thinking, toolCalls = [], logprobs } of answer) {
      reserveTokens(1);
      const whole = calls.push(toolCalls);
      const delta = { text, thinking, logprobs, ...(whole.length > 0 && { toolCalls: whole }) };
      if (!isEmpty(delta)) await line(delta, logprobs);
    }
    const toolCalls = calls.end();
    if (toolCalls.length > 0) await line({ ...nothing, toolCalls }, []);
    await write(`${JSON.stringify(last(answer, nothing))}\n`);
  }

  async function whole(answer: Answer, write: Write): Promise<void> {
    const all = new WholeAnswer(reservationOf(raw));
    for await (const delta of answer) {
      reserveTokens(1);
      all.push(delta);
    }
    await write(JSON.stringify({ ...last(answer, all), ...logprobsOf(all.logprobs) }));
  }

  const contentType = request.stream ? 'application/x-ndjson' : 'application/json';
  return streamResponse(service, raw, contentType, async (write, signal) => {
    const answer = await recorded(raw, model.name, () =>
      service.backend.generate(model, generation, { signal, keepAlive: request.keep_alive }),
    );
    reserveTokens(answer.promptTokens);
    await (request.stream ? lines(answer, write) : whole(answer, write));
  });
}

/** Answers a request without a prompt: the model is loaded, or unloaded where it shall not be kept. */
export function respondReady(
  service: OllamaService,
  raw: Request,
  job: Omit<AnswerJob, 'generation'>,
): Promise<Response> {
  const { request, model, form } = job;
  const reply = (reason: 'load' | 'unload', figures: object): string =>
    JSON.stringify({ ...stamp(request), ...form.part(nothing), done: true, done_reason: reason, ...figures });
  return streamResponse(service, raw, 'application/json', async (write) => {
    if (request.keep_alive === 0) {
      await service.backend.unload(model);
      return write(reply('unload', {}));
    }
    const duration = nanoseconds(await service.backend.load(model, request.keep_alive));
    return write(reply('load', { total_duration: duration, load_duration: duration }));
  });
}

/**
 * A response that `produce` writes for the client of `raw`. Its last line is the error, if it fails after the headers.
 */
export function streamResponse(
  { log, timeouts }: OllamaService,
  raw: Request,
  contentType: string,
  produce: (write: Write, signal: AbortSignal) => Promise<void>,
): Promise<Response> {
  const client = clientOf(raw);
  const failed = (error: unknown): string => {
    logFailure(log, error, new URL(raw.url).pathname);
    return `${JSON.stringify(errorBody(error))}\n`;
  };
  return streamed(client, { ...timeouts, contentType, keepAlive: () => ' ', failed }, (write) =>
    produce(write, client.signal),
  );
}
