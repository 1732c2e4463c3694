import type { HonoRequest } from 'hono';
import { modelAsked } from '../asked-model.ts';
import { jsonBody } from '../body.ts';
import type { Delta, TokenLogprob } from '../hub.ts';
import { Refusal } from '../refusal.ts';
import { answer, type Format, finite, type Service } from './answering.ts';
import { ChatBody } from './requests.ts';

type LogprobsOf = (logprobs: Delta['logprobs']) => object | null;

const entry = ({ text, bytes, logprob }: Omit<TokenLogprob, 'top'>): object => ({
  token: text,
  logprob: finite(logprob),
  bytes,
});

const content: LogprobsOf = (logprobs) => ({
  content: logprobs.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
  refusal: null,
});

const formatOf = (logprobsOf: LogprobsOf): Format => ({
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  opening: (index) => ({ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }),
  piece: ({ text, logprobs }, index) => ({
    index,
    delta: { content: text },
    logprobs: logprobsOf(logprobs),
    finish_reason: null,
  }),
  closing: (reason, index) => ({ index, delta: {}, logprobs: null, finish_reason: reason }),
  whole: ({ text, logprobs }, index, reason) => ({
    index,
    message: { role: 'assistant', content: text, refusal: null },
    logprobs: logprobsOf(logprobs),
    finish_reason: reason,
  }),
});

/** POST /v1/chat/completions. Rejects with a Refusal, and as `Hub.ask`. */
export async function chatCompletions(service: Service, { req }: { req: HonoRequest }): Promise<Response> {
  const wanted = await jsonBody(req, ChatBody);
  const model = modelAsked(service.hub, wanted.model);
  if (!model.chats) {
    throw new Refusal(400, `"${model.name}" does not support chat`, { code: 'not_supported', param: 'model' });
  }
  const prompts = [{ kind: 'chat', messages: wanted.messages }] as const;
  const format = formatOf(wanted.ask.logprobs === undefined ? () => null : content);
  return answer(service, { request: req.raw, model, wanted, prompts, format });
}
