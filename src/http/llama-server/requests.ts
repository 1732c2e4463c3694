import * as z from 'zod';
import type { GenerationRequest } from '../../worker/backend.ts';
import { stopSchema } from '../ollama/options.ts';
import { grammarFields, grammarIn } from '../request/grammar-fields.ts';
import { keepAliveSchema } from '../request/keep-alive.ts';
import { listOf, tokenList } from '../request/lists.ts';
import { refuseUnsupported, samplingFields, samplingOf } from '../request/sampling-fields.ts';

export interface CompletionRequest {
  /** The name by which the client calls the model, if it does. */
  readonly model: string | undefined;
  readonly stream: boolean;
  /** Brings progress through the prompt in the stream. */
  readonly progress: boolean;
  /** Whether the answer has the numbers of its tokens, and their probabilities. */
  readonly returnsTokens: boolean;
  readonly probabilities: boolean;
  readonly keepAlive: number | undefined;
  readonly generation: GenerationRequest;
}

const given = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? undefined);
const whole = (min: number, max: number) => given(z.int().min(min).max(max));
const unlimited = Number.MAX_SAFE_INTEGER;

const common = {
  ...samplingFields,
  ...grammarFields,
  model: given(z.string()),
  stream: given(z.boolean()),
  n_predict: whole(-2, unlimited),
  max_tokens: whole(-2, unlimited),
  stop: given(stopSchema),
  n_probs: whole(0, 100),
  return_tokens: given(z.boolean()),
  return_progress: given(z.boolean()),
  ignore_eos: given(z.boolean()),
  num_ctx: whole(1, unlimited),
  keep_alive: keepAliveSchema,
};

const Common = z.looseObject(common);

const hasSome = (value: unknown): boolean => !Array.isArray(value) || value.length > 0;

/** Wishes that are refused, never ignored: without them the answer would be another one. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  logit_bias: hasSome,
  lora: hasSome,
  response_fields: hasSome,
  n_cmpl: (value) => value !== 1,
  n_indent: (value) => value !== 0,
  t_max_predict_ms: (value) => typeof value !== 'number' || value > 0,
  post_sampling_probs: (value) => value !== false,
  multimodal_data: () => true,
};

function requestOf(body: z.output<typeof Common>, context: z.core.$RefinementCtx): Omit<GenerationRequest, 'prompt'> {
  const most = body.n_predict ?? body.max_tokens;
  const { n_probs = 0, return_tokens = false } = body;
  return {
    sampling: samplingOf(body),
    maxTokens: most === undefined || most < 0 ? undefined : most,
    stop: [body.stop ?? []].flat().filter((text) => text !== ''),
    // A token is told with its probability.
    logprobs: n_probs > 0 || return_tokens ? n_probs : undefined,
    ignoreEnd: body.ignore_eos,
    context: body.num_ctx,
    grammar: grammarIn(body, context),
  };
}

const partsOf = (body: z.output<typeof Common>): Omit<CompletionRequest, 'generation'> => ({
  model: body.model,
  stream: body.stream ?? false,
  progress: body.return_progress ?? false,
  returnsTokens: body.return_tokens ?? false,
  probabilities: (body.n_probs ?? 0) > 0,
  keepAlive: body.keep_alive,
});

const completion = {
  ...common,
  prompt: z.union([z.string(), tokenList({ least: 1 })], 'expected a string or tokens'),
};

/** Names of the fields of a POST to /completion. */
export const nativeCompletionFields: readonly string[] = [...Object.keys({ ...completion, ...unsupported }), 'n_keep'];

/** The body of a POST to /completion. */
export const NativeCompletionBody: z.ZodType<CompletionRequest> = z
  .looseObject(completion)
  .superRefine((body, context) => refuseUnsupported(body, unsupported, context))
  .transform((body, context): CompletionRequest => {
    const { prompt } = body;
    const written =
      typeof prompt === 'string'
        ? ({ kind: 'text', text: prompt, special: true } as const)
        : ({ kind: 'tokens', tokens: prompt } as const);
    return { ...partsOf(body), generation: { ...requestOf(body, context), prompt: written } };
  });

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
export const InfillBody: z.ZodType<CompletionRequest> = z
  .looseObject(filled)
  .superRefine((body, context) => refuseUnsupported(body, unsupported, context))
  .transform((body, context): CompletionRequest => {
    const { input_prefix, prompt = '', input_suffix, input_extra } = body;
    const infill = { kind: 'infill', prefix: input_prefix + prompt, suffix: input_suffix, files: input_extra } as const;
    return { ...partsOf(body), generation: { ...requestOf(body, context), prompt: infill } };
  });
