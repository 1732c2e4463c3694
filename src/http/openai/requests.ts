import * as z from 'zod';
import type { Conversation } from '../../chat/message.ts';
import type { GenerationRequest, Prompt } from '../../worker/backend.ts';
import { stopSchema } from '../ollama/options.ts';
import { grammarFields, grammarIn } from '../request/grammar-fields.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { listOf, tokenList } from '../request/lists.ts';
import { refuseUnsupported, samplingFields, samplingOf } from '../request/sampling-fields.ts';
import { checkToolChoice } from '../request/tools.ts';
import { conversationFields, conversationIn } from './conversation.ts';

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
  /** Seconds that the model stays loaded after the answers. */
  readonly keepAlive: number | undefined;
  /** The request without its prompt; the answers of one prompt differ by their seed. */
  readonly generation: Omit<GenerationRequest, 'prompt'>;
}

export interface OpenAiChatRequest extends OpenAiParams {
  readonly conversation: Conversation;
}

export type WrittenPrompt = Exclude<Prompt, { kind: 'chat' }>;

export interface OpenAiCompletionRequest extends OpenAiParams {
  readonly prompts: readonly WrittenPrompt[];
  /** Begins the answers with the prompt. */
  readonly echo: boolean;
}

/** A field that may be left out; null means the same. */
const given = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined);

const whole = (least: number, most: number) => given(z.int().min(least).max(most));

const unlimited = Number.MAX_SAFE_INTEGER;

const mostBiases = 1024;
const Biases = z
  .unknown()
  .refine((biases) => Object.keys(Object(biases)).length <= mostBiases, `expected at most ${mostBiases} tokens`)
  .pipe(z.record(z.string().regex(/^\d{1,10}$/, 'expected the number of a token'), z.number().min(-100).max(100)));

/** Fields that both endpoints understand; top_k, min_p, repeat_penalty, num_ctx and keep_alive are not OpenAI's. */
const common = {
  ...samplingFields,
  ...grammarFields,
  model: given(z.string()),
  n: whole(1, 8),
  stream: given(z.boolean()),
  stream_options: given(z.looseObject({ include_usage: given(z.boolean()) })),
  max_tokens: whole(-1, unlimited),
  stop: given(stopSchema),
  logit_bias: given(Biases),
  ignore_eos: given(z.boolean()),
  return_progress: given(z.boolean()),
  num_ctx: whole(1, unlimited),
  keep_alive: keepAliveSchema,
};

const Common = z.looseObject(common);

/** Fields that are refused, never ignored, if they ask for something: without it the answer would be another one. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  functions: (value) => !Array.isArray(value) || value.length > 0,
  modalities: (value) => !Array.isArray(value) || value.some((modality) => modality !== 'text'),
  audio: () => true,
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
  keepAlive: body.keep_alive,
  generation: {
    sampling: samplingOf(body),
    logitBias: body.logit_bias,
    maxTokens: maxTokens === -1 ? undefined : maxTokens,
    thinkBudget: thinkBudget === -1 ? undefined : thinkBudget,
    stop: [body.stop ?? []].flat().filter((text) => text !== ''),
    grammar: grammarIn(body, context),
    logprobs,
    context: body.num_ctx,
    ignoreEnd: body.ignore_eos,
  },
});

const chat = {
  ...common,
  ...conversationFields,
  reasoning_budget_tokens: whole(-1, unlimited),
  thinking_budget_tokens: whole(-1, unlimited),
  max_completion_tokens: whole(-1, unlimited),
  logprobs: given(z.boolean()),
  top_logprobs: whole(0, 20),
};

/** Names of the fields of a POST to /v1/chat/completions. */
export const chatFields: readonly string[] = Object.keys({ ...chat, ...unsupported });

/** The body of a POST to /v1/chat/completions. */
export const ChatBody: z.ZodType<OpenAiChatRequest> = z
  .looseObject(chat)
  .superRefine((body, context) => {
    refuseUnsupported(body, unsupported, context);
    checkToolChoice(body, context);
    if (body.top_logprobs && !body.logprobs)
      refuse(context, 'top_logprobs', 'asks for what logprobs does not: that must be true as well');
  })
  .transform((body, context) => ({
    ...paramsOf(
      body,
      {
        maxTokens: body.max_completion_tokens ?? body.max_tokens,
        thinkBudget: body.reasoning_budget_tokens ?? body.thinking_budget_tokens,
        logprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
      },
      context,
    ),
    conversation: conversationIn(body),
  }));

const some = { least: 1 };
const Prompts = z.union(
  [z.string(), tokenList(some), listOf(z.string(), some), listOf(tokenList(some), some)],
  'expected a string, tokens, or a list of either',
);

/** The most answers: more would not find a place in the queue anyway. */
const mostAnswers = 128;

const isTokens = (prompt: z.output<typeof Prompts>): prompt is readonly number[] => typeof prompt[0] === 'number';

/** The prompts in a body, each a text or tokens; with a suffix, texts before what is filled in. */
const promptsOf = (prompt: z.output<typeof Prompts>, suffix: string): readonly WrittenPrompt[] =>
  (typeof prompt === 'string' || isTokens(prompt) ? [prompt] : prompt).map((one) => {
    if (typeof one !== 'string') return { kind: 'tokens', tokens: one };
    return suffix === '' ? { kind: 'text', text: one, special: true } : { kind: 'infill', prefix: one, suffix };
  });

/**
 * Tokens of an answer where max_tokens is left out, as OpenAI has it for this endpoint: without a chat, few texts end.
 */
const usualCompletion = 16;

const completion = {
  ...common,
  prompt: Prompts,
  suffix: given(z.string()),
  echo: given(z.boolean()),
  logprobs: whole(0, 5),
  best_of: whole(1, 20),
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
    const prompts = promptsOf(body.prompt, body.suffix ?? '');
    if (body.suffix && prompts.some(({ kind }) => kind === 'tokens')) {
      refuse(context, 'suffix', 'expected a prompt of text with it');
    }
    if (prompts.length * n > mostAnswers) {
      refuse(context, 'prompt', `asks for more than ${mostAnswers} answers in all`);
    }
  })
  .transform((body, context) => ({
    ...paramsOf(body, { maxTokens: body.max_tokens ?? usualCompletion, logprobs: body.logprobs }, context),
    prompts: promptsOf(body.prompt, body.suffix ?? ''),
    echo: body.echo ?? false,
  }));
