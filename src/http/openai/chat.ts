import type { HonoRequest } from 'hono';
import type { ToolCallDelta } from '../../chat/message.ts';
import type { Delta, TokenLogprob } from '../../worker/backend.ts';
import { finiteLogprob } from '../finite-logprob.ts';
import { jsonBody } from '../request/body.ts';
import { chatModel } from '../request/requested-model.ts';
import { ChatBody, chatFields } from './requests.ts';
import { type ChoiceFormat, type OpenAiService, respondWithChoices } from './respond.ts';

type LogprobsOf = (logprobs: Delta['logprobs']) => object | null;

const entry = ({ text, bytes, logprob }: Omit<TokenLogprob, 'top'>): object => ({
  token: text,
  logprob: finiteLogprob(logprob),
  bytes,
});

const content: LogprobsOf = (logprobs) => ({
  content: logprobs.map((token) => ({ ...entry(token), top_logprobs: token.top.map(entry) })),
  refusal: null,
});

const callOf = ({ id, name, arguments: text }: Omit<ToolCallDelta, 'index'>): object => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});

/** A part of a call, in a stream: the first one has its id and name. */
const callPart = ({ index, ...call }: ToolCallDelta): object =>
  call.name === undefined ? { index, function: { arguments: call.arguments } } : { index, ...callOf(call) };

const formatOf = (logprobsOf: LogprobsOf): ChoiceFormat => ({
  idPrefix: 'chatcmpl-',
  object: 'chat.completion',
  chunkObject: 'chat.completion.chunk',
  opening: (index) => ({ index, delta: { role: 'assistant', content: null }, logprobs: null, finish_reason: null }),
  piece: ({ text, thinking, toolCalls, logprobs }, index) => ({
    index,
    delta: {
      ...(thinking && { reasoning_content: thinking }),
      ...((text !== '' || !(thinking || toolCalls)) && { content: text }),
      ...(toolCalls && { tool_calls: toolCalls.map(callPart) }),
    },
    logprobs: logprobsOf(logprobs),
    finish_reason: null,
  }),
  closing: (reason, index) => ({ index, delta: {}, logprobs: null, finish_reason: reason }),
  whole: ({ text, thinking, toolCalls, logprobs }, index, reason) => ({
    index,
    message: {
      role: 'assistant',
      content: text === '' && toolCalls ? null : text,
      ...(thinking && { reasoning_content: thinking }),
      ...(toolCalls && { tool_calls: toolCalls.map(({ index: _, ...call }) => callOf(call)) }),
      refusal: null,
    },
    logprobs: logprobsOf(logprobs),
    finish_reason: reason,
  }),
});

/** POST /v1/chat/completions. Rejects with a Refusal, and as `Backend.generate`. */
export async function chatCompletions(service: OpenAiService, { req }: { req: HonoRequest }): Promise<Response> {
  const params = await jsonBody(req, ChatBody, chatFields);
  const model = chatModel(service.backend, params.model);
  const prompts = [{ kind: 'chat', ...params.conversation }] as const;
  const format = formatOf(params.generation.logprobs === undefined ? () => null : content);
  return respondWithChoices(service, { request: req.raw, model, params, prompts, format });
}
