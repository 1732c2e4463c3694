import * as z from 'zod';
import type { ServedModel } from '../../library/model-card.ts';
import { idleOptions, idleReason } from '../../sample/idle-options.ts';
import {
  belowZero,
  breakerLimits,
  defaultSampling,
  mergedSampling,
  type PartialSamplingOptions,
  type SamplingName,
  type SamplingNumber,
  type SamplingOptions,
  samplingNames,
  samplingRanges,
} from '../../sample/sampling-options.ts';
import { given, unlimited } from './given.ts';
import { listOf } from './lists.ts';
import { addWarning } from './warnings.ts';

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

const { texts: mostBreakers, characters: longestBreaker } = breakerLimits;

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
  const number = (whole ? z.int() : z.number()).min(least === undefined ? min : -unlimited).max(max);
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

const namesOf: ReadonlyMap<keyof SamplingOptions, string> = new Map<keyof SamplingOptions, string>([
  ...Object.entries(samplingNames).map(([name, option]) => [option, name] as const),
  ['drySequenceBreakers', 'dry_sequence_breakers'],
]);

/** Warns of options that change nothing beside the others. Clients write down all defaults: those are none. */
export function warnOfIdleOptions(
  request: Request,
  given: PartialSamplingOptions,
  { sampling }: Pick<ServedModel, 'sampling'>,
): void {
  const all = mergedSampling(sampling, given);
  const asked = Object.entries(given).filter(
    ([option, value]) => JSON.stringify(value) !== JSON.stringify(defaultSampling[option as keyof SamplingOptions]),
  );
  const nameOf = (option: keyof SamplingOptions): string => namesOf.get(option) ?? option;
  for (const idle of idleOptions(Object.fromEntries(asked), all))
    addWarning(request, idleReason(idle, { all, nameOf }));
}

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
