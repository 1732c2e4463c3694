import * as z from 'zod';
import type { ServedModel } from '../../library/model-card.ts';
import {
  belowZero,
  mergedSampling,
  type PartialSamplingOptions,
  type SamplingName,
  type SamplingNumber,
  samplingNames,
  samplingRanges,
} from '../../sample/sampling-options.ts';
import { given } from './given.ts';
import { listOf } from './lists.ts';

type SamplingField = SamplingName | 'repetition_penalty';

/** Names of sampling options in requests, as clients of OpenAI, llama-server, Ollama and vLLM write them. */
const fieldNames: Readonly<Record<SamplingField, SamplingNumber>> = {
  ...samplingNames,
  repetition_penalty: 'repeatPenalty',
};

/** Values of the fields; undefined where a request says nothing. */
export type SamplingValues = { readonly [K in SamplingField]?: number | undefined } & {
  readonly dry_sequence_breakers?: readonly string[] | undefined;
};

/** Schemas of fields. */
type Fields = { readonly [K in SamplingField]: z.ZodType<number | undefined> } & {
  readonly dry_sequence_breakers: z.ZodType<readonly string[] | undefined>;
};

/** The most texts that end sequences, each looked for in all tokens, and characters of one, as llama.cpp has it. */
const [mostBreakers, longestBreaker] = [16, 40];

/** A seed of the 2^32 - 1 that llama.cpp has. A negative one asks for any, as with every local server. */
const seedOf = (seed: number): number | undefined => (seed < 0 ? undefined : seed % (2 ** 32 - 1));

/** A field that may be left out; null means the same. */
function fieldOf(option: SamplingNumber): z.ZodType<number | undefined> {
  if (option === 'seed')
    return z
      .int()
      .transform(seedOf)
      .nullish()
      .transform((seed) => seed ?? undefined);
  const { min, max, whole } = samplingRanges[option];
  const least = belowZero[option];
  const number = (whole ? z.int() : z.number()).min(least === undefined ? min : -1).max(max);
  return number
    .nullish()
    .transform((value) => (least !== undefined && value != null && value < 0 ? least : (value ?? undefined)));
}

/** Fields that choose the tokens of an answer. */
export const samplingFields: Fields = {
  ...(Object.fromEntries(Object.entries(fieldNames).map(([name, option]) => [name, fieldOf(option)])) as Fields),
  dry_sequence_breakers: given(listOf(z.string().min(1).max(longestBreaker), { least: 1, most: mostBreakers })),
};

/** The sampling that a request asks for. */
export const samplingOf = (values: SamplingValues): PartialSamplingOptions =>
  mergedSampling(...Object.entries(fieldNames).map(([name, option]) => ({ [option]: values[name as SamplingField] })), {
    drySequenceBreakers: values.dry_sequence_breakers,
  });

/** Sampling at OpenAI's and Anthropic's endpoints where neither the request nor the model's file says anything. */
const usualSampling: PartialSamplingOptions = { temperature: 1, topK: 40, topP: 1, minP: 0.05 };

/** A request with all that is usual where it says nothing itself: first by the model's file, then `usual`. */
export function withUsualSampling<G extends { readonly sampling: PartialSamplingOptions }>(
  generation: G,
  { sampling, trainedContext }: ServedModel,
  usual: PartialSamplingOptions = usualSampling,
): G {
  const merged = mergedSampling(usual, sampling, generation.sampling);
  const { repeatLastN } = merged;
  const last = repeatLastN === undefined ? {} : { repeatLastN: Math.min(repeatLastN, trainedContext) };
  return { ...generation, sampling: { ...merged, ...last } };
}
