import * as z from 'zod';
import type { Conversation } from '../../chat/message.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { stopSchema } from '../ollama/options.ts';
import { given, unlimited, wholeWithin } from '../request/given.ts';
import { grammarFields, grammarIn } from '../request/grammar-fields.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { type LogitBias, logitBiases } from '../request/logit-biases.ts';
import { loraFields, lorasIn } from '../request/lora-fields.ts';
import { type MixedPrompt, mixedPrompts } from '../request/mixed-prompts.ts';
import { isPositive, type RefusedFields, refusedInChats, refuseUnsupported } from '../request/refused-fields.ts';
import { samplingFields, samplingOf } from '../request/sampling-fields.ts';
import { checkToolChoice } from '../request/tools.ts';
import { checkContinuation, conversationFields, conversationIn } from './conversation.ts';

/** Parameters of the answers, at both endpoints. */
export interface OpenAiParams {
  /** The name by which the client calls it, if it does. */
  readonly model: string | undefined;
  /** Answers per prompt. */
  readonly n: number;
  readonly stream: boolean;
  /** Ends a stream with the usage. */
  readonly usage: boolean;
  /** Brings progress through the prompt in the stream. */
  readonly progress: boolean;
  /** Brings the times so far in each part of the stream. */
  readonly timings: boolean;
  /** Adds the answer in llama-server's own form, with the prompt as the model saw it. */
  readonly verbose: boolean;
  readonly biases: readonly LogitBias[] | undefined;
  /** Seconds that the model stays loaded after the answers. */
  readonly keepAlive: number | undefined;
  /** The request without its prompt; the answers of one prompt differ by their seed. */
  readonly generation: Omit<GenerationRequest, 'prompt'>;
}

export interface OpenAiChatRequest extends OpenAiParams {
  readonly conversation: Conversation;
}

export interface OpenAiCompletionRequest extends OpenAiParams {
  readonly prompts: readonly MixedPrompt[];
  /** The text behind what is filled in; empty if nothing is. */
  readonly suffix: string;
  /** Begins the answers with the prompt. */
  readonly echo: boolean;
}

/** Fields that both endpoints understand; those behind `logit_bias` are llama-server's or ours. */
const common = {
  ...samplingFields,
  ...grammarFields,
  ...loraFields,
  model: given(z.string()),
  n: wholeWithin(1, 8),
  stream: given(z.boolean()),
  stream_options: given(z.looseObject({ include_usage: given(z.boolean()) })),
  max_tokens: wholeWithin(-1, unlimited),
  stop: given(stopSchema),
  logit_bias: given(logitBiases),
  n_predict: wholeWithin(-1, unlimited),
  ignore_eos: given(z.boolean()),
  return_progress: given(z.boolean()),
  timings_per_token: given(z.boolean()),
  verbose: given(z.boolean()),
  num_ctx: wholeWithin(1, unlimited),
  keep_alive: keepAliveSchema,
};

const Common = z.looseObject(common);

/** Fields that are refused, never ignored, if they ask for something: without it the answer would be another one. */
const unsupported: RefusedFields = {
  functions: (value) => !Array.isArray(value) || value.length > 0,
  modalities: (value) => !Array.isArray(value) || value.some((modality) => modality !== 'text'),
  audio: () => true,
  n_keep: isPositive,
};

const refuse = (context: z.core.$RefinementCtx, field: string, message: string, code = 'invalid_value'): void =>
  context.addIssue({ code: 'custom', path: [field], message, params: { code } });

/** The parameters in a body. */
const paramsOf = (
  body: z.output<typeof Common>,
  { maxTokens, thinkBudget, logprobs }: Pick<GenerationRequest, 'maxTokens' | 'thinkBudget' | 'logprobs'>,
  context: z.core.$RefinementCtx,
): OpenAiParams => ({
  model: body.model,
  n: body.n ?? 1,
  stream: body.stream ?? false,
  usage: body.stream_options?.include_usage ?? false,
  progress: body.return_progress ?? false,
  timings: body.timings_per_token ?? false,
  verbose: body.verbose ?? false,
  biases: body.logit_bias,
  keepAlive: body.keep_alive,
  generation: {
    sampling: samplingOf(body),
    maxTokens: maxTokens === -1 ? undefined : maxTokens,
    thinkBudget: thinkBudget === -1 ? undefined : thinkBudget,
    stop: [body.stop ?? []].flat().filter((text) => text !== ''),
    grammar: grammarIn(body, context),
    loras: lorasIn(body),
    logprobs,
    context: body.num_ctx,
    ignoreEnd: body.ignore_eos,
  },
});

const chat = {
  ...common,
  ...conversationFields,
  reasoning_budget_tokens: wholeWithin(-1, unlimited),
  thinking_budget_tokens: wholeWithin(-1, unlimited),
  max_completion_tokens: wholeWithin(-1, unlimited),
  logprobs: given(z.boolean()),
  top_logprobs: wholeWithin(0, 20),
};

const unsupportedInChats: RefusedFields = { ...unsupported, ...refusedInChats };

/** Names of the fields of a POST to /v1/chat/completions. */
export const chatFields: readonly string[] = Object.keys({ ...chat, ...unsupportedInChats });

/** The body of a POST to /v1/chat/completions. */
export const ChatBody: z.ZodType<OpenAiChatRequest> = z
  .looseObject(chat)
  .superRefine((body, context) => {
    refuseUnsupported(body, unsupportedInChats, context);
    checkToolChoice(body.tools, body.tool_choice, context);
    checkContinuation(body, context);
    if (body.top_logprobs && !body.logprobs)
      refuse(context, 'top_logprobs', 'asks for what logprobs does not: that must be true as well');
  })
  .transform((body, context) => ({
    ...paramsOf(
      body,
      {
        maxTokens: body.max_completion_tokens ?? body.max_tokens ?? body.n_predict,
        thinkBudget: body.reasoning_budget_tokens ?? body.thinking_budget_tokens,
        logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
      },
      context,
    ),
    conversation: conversationIn(body),
  }));

/** The most answers: more would not find a place in the queue anyway. */
const mostAnswers = 128;

/**
 * Tokens of an answer where max_tokens is left out, as OpenAI has it for this endpoint: without a chat, few texts end.
 */
const usualCompletion = 16;

const completion = {
  ...common,
  prompt: mixedPrompts({ most: mostAnswers, empty: true }),
  suffix: given(z.string()),
  echo: given(z.boolean()),
  logprobs: wholeWithin(0, 5),
  best_of: wholeWithin(1, 20),
};

/** Names of the fields of a POST to /v1/completions. */
export const completionFields: readonly string[] = Object.keys({ ...completion, ...unsupported });

/** The body of a POST to /v1/completions. */
export const CompletionBody: z.ZodType<OpenAiCompletionRequest> = z
  .looseObject(completion)
  .superRefine((body, context) => {
    const n = body.n ?? 1;
    refuseUnsupported(body, unsupported, context);
    if ((body.best_of ?? n) !== n) refuse(context, 'best_of', 'not supported yet unless it equals n', 'not_supported');
    if (body.echo && body.logprobs !== undefined) {
      refuse(context, 'logprobs', 'not supported yet together with echo', 'not_supported');
    }
    if (body.suffix && body.prompt.some((prompt) => typeof prompt !== 'string')) {
      refuse(context, 'suffix', 'expected a prompt of text with it');
    }
    if (body.prompt.length * n > mostAnswers) {
      refuse(context, 'prompt', `asks for more than ${mostAnswers} answers in all`);
    }
  })
  .transform((body, context) => ({
    ...paramsOf(
      body,
      { maxTokens: body.max_tokens ?? body.n_predict ?? usualCompletion, logprobs: body.logprobs },
      context,
    ),
    prompts: body.prompt,
    suffix: body.suffix ?? '',
    echo: body.echo ?? false,
  }));
