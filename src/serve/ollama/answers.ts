import type { ServedModel } from '../card.ts';
import { deltaBytes } from '../delta-size.ts';
import { holdOf } from '../holds.ts';
import type { Answer, Ask, Ending, Hub, TokenLogprob } from '../hub.ts';
import type { Log } from '../log.ts';
import { logFailure } from '../refusal.ts';
import { clientOf, type Pace, streamed, type Write } from '../streaming.ts';
import { refused, told, unsupported } from './refusals.ts';
import type { AnswerRequest } from './requests.ts';

/** What the endpoints work with. */
export interface Service {
  readonly hub: Hub;
  readonly log: Log;
  readonly pace: Pace;
}

/** How an endpoint writes an answer. */
export interface Form {
  /** The member that holds some of its text. */
  text(text: string): object;
  /** More members of the last object. */
  last?(ending: Ending): object;
}

interface Wanted {
  readonly request: AnswerRequest;
  readonly model: ServedModel;
  readonly ask: Ask;
  readonly form: Form;
}

/** Throws a Refusal of what no model is asked for yet; tells the log of options without effect. */
export function checkWishes({ log }: Service, request: AnswerRequest): void {
  const { model, options } = request;
  if (request.think !== undefined) throw unsupported(model, 'thinking');
  if (request.format !== undefined) throw refused('format is not supported yet');
  if (request.template !== undefined) throw refused('template is not supported yet');
  if (options.ignored.length > 0) log.warn({ model, options: options.ignored }, 'these options change nothing here');
}

/** Seconds -> nanoseconds */
const nanoseconds = (seconds: number): number => Math.round(seconds * 1e9);

const logprobOf = ({ text, logprob, bytes }: Omit<TokenLogprob, 'top'>): object => ({ token: text, logprob, bytes });

const logprobsOf = (tokens: readonly TokenLogprob[]): object =>
  tokens.length > 0
    ? { logprobs: tokens.map((token) => ({ ...logprobOf(token), top_logprobs: token.top.map(logprobOf) })) }
    : {};

const figuresOf = (ending: Ending): object => ({
  total_duration: nanoseconds(ending.totalSeconds),
  load_duration: nanoseconds(ending.loadSeconds),
  // What the prefix cache had was not evaluated.
  prompt_eval_count: ending.promptTokens - ending.cachedTokens,
  prompt_eval_duration: nanoseconds(ending.promptSeconds),
  eval_count: ending.answerTokens,
  eval_duration: nanoseconds(ending.answerSeconds),
});

const stamp = ({ model }: AnswerRequest): object => ({ model, created_at: new Date().toISOString() });

/** Answers the request: line by line, or with one object. What can be refused is refused before anything is sent. */
export function answered(service: Service, raw: Request, { request, model, ask, form }: Wanted): Promise<Response> {
  const last = ({ ending }: Answer, text: string): object => {
    if (!ending) throw new Error('an answer has ended without an ending');
    const reason = { done: true, done_reason: ending.reason };
    return { ...stamp(request), ...form.text(text), ...reason, ...form.last?.(ending), ...figuresOf(ending) };
  };

  async function lines(answer: Answer, write: Write): Promise<void> {
    for await (const { text, logprobs } of answer) {
      if (text === '' && logprobs.length === 0) continue;
      const chunk = { ...stamp(request), ...form.text(text), done: false, ...logprobsOf(logprobs) };
      await write(`${JSON.stringify(chunk)}\n`);
    }
    await write(`${JSON.stringify(last(answer, ''))}\n`);
  }

  async function whole(answer: Answer, write: Write): Promise<void> {
    const held = holdOf(raw);
    const texts: string[] = [];
    const tokens: TokenLogprob[] = [];
    for await (const delta of answer) {
      held.add(deltaBytes(delta));
      texts.push(delta.text);
      tokens.push(...delta.logprobs);
    }
    await write(JSON.stringify({ ...last(answer, texts.join('')), ...logprobsOf(tokens) }));
  }

  const contentType = request.stream ? 'application/x-ndjson' : 'application/json';
  return sent(service, raw, contentType, async (write, signal) => {
    const answer = await service.hub.ask(model, ask, { signal, keepAlive: request.keep_alive });
    await (request.stream ? lines(answer, write) : whole(answer, write));
  });
}

/** Answers a request that has nothing to answer: the model is loaded, or unloaded where it shall not be kept. */
export function readied(service: Service, raw: Request, wanted: Omit<Wanted, 'ask'>): Promise<Response> {
  const { request, model, form } = wanted;
  const reply = (reason: 'load' | 'unload', figures: object): string =>
    JSON.stringify({ ...stamp(request), ...form.text(''), done: true, done_reason: reason, ...figures });
  return sent(service, raw, 'application/json', async (write) => {
    if (request.keep_alive === 0) {
      await service.hub.unload(model);
      return write(reply('unload', {}));
    }
    const duration = nanoseconds(await service.hub.load(model, request.keep_alive));
    return write(reply('load', { total_duration: duration, load_duration: duration }));
  });
}

/** A response that `produce` writes for the client of `raw`. What fails after its headers is its last line. */
function sent(
  { log, pace }: Service,
  raw: Request,
  contentType: string,
  produce: (write: Write, signal: AbortSignal) => Promise<void>,
): Promise<Response> {
  const client = clientOf(raw);
  const failed = (error: unknown): string => {
    logFailure(log, error, new URL(raw.url).pathname);
    return `${JSON.stringify(told(error))}\n`;
  };
  return streamed(client, { ...pace, contentType, keepAlive: ' ', failed }, (write) => produce(write, client.signal));
}
