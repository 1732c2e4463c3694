import * as z from 'zod';
import type { Infill } from '../../model/infill-prompt.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { stopSchema } from '../ollama/options.ts';
import { given, unlimited, wholeWithin } from '../request/given.ts';
import { grammarFields, grammarIn } from '../request/grammar-fields.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { listOf } from '../request/lists.ts';
import { type LogitBias, logitBiases } from '../request/logit-biases.ts';
import { loraFields, lorasIn } from '../request/lora-fields.ts';
import { type MixedPrompt, mixedPrompts } from '../request/mixed-prompts.ts';
import { type RefusedFields, refuseUnsupported } from '../request/refused-fields.ts';
import { samplingFields, samplingOf } from '../request/sampling-fields.ts';

export interface CompletionRequest {
  /** The name by which the client calls the model, if it does. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** Brings progress through the prompt in the stream. */
  readonly progress: boolean;
  /** Brings the times so far in each part of the stream. */
  readonly timings: boolean;
  /** Whether a whole answer has the numbers of its tokens. */
  readonly returnsTokens: boolean;
  /** Paths of the members that a whole answer shall have; none for all. */
  readonly members: readonly string[];
  /** Answers per prompt. */
  readonly n: number;
  readonly biases: readonly LogitBias[] | undefined;
  readonly keepAlive: number | undefined;
  readonly generation: Omit<GenerationRequest, 'prompt'>;
}

export interface NativeCompletionRequest extends CompletionRequest {
  readonly prompts: readonly MixedPrompt[];
}

export interface InfillRequest extends CompletionRequest {
  readonly infill: Infill;
}

/** The most answers to a request: more would not find a place in the queue anyway. */
const mostAnswers = 128;
const mostMembers = 64;
/** Characters of a path. */
const mostPath = 256;

const common = {
  ...samplingFields,
  ...grammarFields,
  ...loraFields,
  model: given(z.string()),
  stream: given(z.boolean()),
  n_predict: wholeWithin(-2, unlimited),
  max_tokens: wholeWithin(-2, unlimited),
  stop: given(stopSchema),
  n_probs: wholeWithin(0, 100),
  return_tokens: given(z.boolean()),
  post_sampling_probs: given(z.boolean()),
  response_fields: given(listOf(z.string().max(mostPath), { most: mostMembers })),
  return_progress: given(z.boolean()),
  timings_per_token: given(z.boolean()),
  logit_bias: given(logitBiases),
  n: wholeWithin(1, mostAnswers),
  n_cmpl: wholeWithin(1, mostAnswers),
  ignore_eos: given(z.boolean()),
  num_ctx: wholeWithin(1, unlimited),
  keep_alive: keepAliveSchema,
};

const Common = z.looseObject(common);

/** Wishes that are refused, never ignored: without them the answer would be another one. */
const unsupported: RefusedFields = {
  multimodal_data: () => true,
};

function requestOf(body: z.output<typeof Common>, context: z.core.$RefinementCtx): Omit<GenerationRequest, 'prompt'> {
  const most = body.n_predict ?? body.max_tokens;
  const { n_probs = 0, post_sampling_probs = false } = body;
  return {
    sampling: samplingOf(body),
    maxTokens: most === undefined || most < 0 ? undefined : most,
    stop: [body.stop ?? []].flat().filter((text) => text !== ''),
    logprobs: n_probs > 0 ? n_probs : undefined,
    afterSampling: post_sampling_probs || undefined,
    tokens: body.return_tokens,
    ignoreEnd: body.ignore_eos,
    context: body.num_ctx,
    grammar: grammarIn(body, context),
    loras: lorasIn(body),
  };
}

/** Answers per prompt, by llama-server's name or OpenAI's: one, if neither is given. */
const answersOf = ({ n = 1, n_cmpl = n }: z.output<typeof Common>): number => n_cmpl;

const partsOf = (body: z.output<typeof Common>, context: z.core.$RefinementCtx): CompletionRequest => ({
  model: body.model,
  stream: body.stream ?? false,
  progress: body.return_progress ?? false,
  returnsTokens: body.return_tokens ?? false,
  timings: body.timings_per_token ?? false,
  members: body.response_fields ?? [],
  n: answersOf(body),
  biases: body.logit_bias,
  keepAlive: body.keep_alive,
  generation: requestOf(body, context),
});

const completion = {
  ...common,
  prompt: mixedPrompts({ most: mostAnswers, empty: true }),
};

/** Names of the fields of a POST to /completion. */
export const nativeCompletionFields: readonly string[] = [...Object.keys({ ...completion, ...unsupported }), 'n_keep'];

/** The body of a POST to /completion. */
export const NativeCompletionBody: z.ZodType<NativeCompletionRequest> = z
  .looseObject(completion)
  .superRefine((body, context) => {
    refuseUnsupported(body, unsupported, context);
    if (body.prompt.length * answersOf(body) > mostAnswers)
      context.addIssue({
        code: 'custom',
        path: ['prompt'],
        message: `asks for more than ${mostAnswers} answers in all`,
      });
  })
  .transform((body, context) => ({ ...partsOf(body, context), prompts: body.prompt }));

/** The most files beside the one that is filled in. */
const mostFiles = 1024;
const File = z
  .looseObject({ text: z.string(), filename: given(z.string()) })
  .transform(({ text, filename = 'tmp' }) => ({ text, name: filename }));

const filled = {
  ...common,
  input_prefix: z.string(),
  input_suffix: z.string(),
  input_extra: given(listOf(File, { most: mostFiles })),
  prompt: given(z.string()),
};

/** Names of the fields of a POST to /infill. */
export const infillFields: readonly string[] = [
  ...Object.keys({ ...filled, ...unsupported }),
  'n_keep',
  't_max_prompt_ms',
];

/** The body of a POST to /infill. */
export const InfillBody: z.ZodType<InfillRequest> = z
  .looseObject(filled)
  .superRefine((body, context) => refuseUnsupported(body, unsupported, context))
  .transform((body, context) => {
    const { input_prefix, prompt = '', input_suffix, input_extra } = body;
    return {
      ...partsOf(body, context),
      infill: { prefix: input_prefix + prompt, suffix: input_suffix, files: input_extra },
    };
  });
