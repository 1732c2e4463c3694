import * as z from 'zod';
import { type PartialSamplingOptions, type SamplingOptions, samplingRanges } from '../../sample/sampling-options.ts';

type SamplingField =
  | 'temperature'
  | 'top_p'
  | 'top_k'
  | 'min_p'
  | 'repeat_penalty'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'seed';

/** Sampling options by their names in requests, as OpenAI's and llama-server's clients write them. */
const options: Readonly<Record<Exclude<SamplingField, 'seed'>, keyof SamplingOptions>> = {
  temperature: 'temperature',
  top_p: 'topP',
  top_k: 'topK',
  min_p: 'minP',
  repeat_penalty: 'repeatPenalty',
  presence_penalty: 'presencePenalty',
  frequency_penalty: 'frequencyPenalty',
};

/** Values of the fields; undefined where a request says nothing. */
export type SamplingValues = { readonly [K in SamplingField]?: number | undefined };

/** Schemas of fields. */
type Fields = { readonly [K in SamplingField]: z.ZodType<number | undefined> };

/** A field that may be left out; null means the same. Numbers below zero turn `top_k` off, as with other servers. */
const fieldOf = (option: keyof SamplingOptions): z.ZodType<number | undefined> => {
  const { min, max, whole } = samplingRanges[option];
  const number = (whole ? z.int() : z.number()).min(option === 'topK' ? -1 : min).max(max);
  return number.nullish().transform((value) => (value == null ? undefined : Math.max(min, value)));
};

/** Fields that choose the tokens of an answer. */
export const samplingFields: Fields = {
  ...(Object.fromEntries(Object.entries(options).map(([name, option]) => [name, fieldOf(option)])) as Fields),
  seed: z
    .int()
    .nullish()
    .transform((seed) => seed ?? undefined),
};

/** A seed of the 2^32 - 1 that llama.cpp has. A negative one asks for any, as with every local server. */
const seedOf = (seed: number | undefined): number | undefined =>
  seed === undefined || seed < 0 ? undefined : seed % (2 ** 32 - 1);

/** The sampling that a request asks for. Defaults are OpenAI's: the distribution as it is. */
export const samplingOf = (values: SamplingValues): PartialSamplingOptions => ({
  temperature: values.temperature ?? 1,
  topP: values.top_p ?? 1,
  topK: values.top_k ?? 0,
  minP: values.min_p,
  repeatPenalty: values.repeat_penalty,
  presencePenalty: values.presence_penalty,
  frequencyPenalty: values.frequency_penalty,
  seed: seedOf(values.seed),
});
