import * as z from 'zod';
import { perhaps } from '../../base/nearest-word.ts';
import type { ServedModel } from '../../library/model-card.ts';
import type { PartialSamplingOptions } from '../../sample/sampling-options.ts';
import { stopLimits } from '../../text/stop-matcher.ts';
import type { GenerationRequest } from '../../worker/backend.ts';
import { given } from '../request/given.ts';
import { listOf } from '../request/lists.ts';
import { refuseUnsupported } from '../request/refused-fields.ts';

const number = given(z.number());
/** Whole numbers; clients send 40.0 and the like. */
const whole = given(z.number().transform(Math.trunc));
const { texts: mostStops, characters: longestStop } = stopLimits;
const expectedStops = 'expected a string or an array of strings';
export const stopSchema: z.ZodType<string | string[]> = z
  .unknown()
  .refine((stop) => !Array.isArray(stop) || stop.length <= mostStops, `expected at most ${mostStops} strings`)
  .pipe(z.union([z.string(), listOf(z.string())], expectedStops))
  .refine(
    (stop) => [stop].flat().every(({ length }) => length <= longestStop),
    `a text is longer than ${longestStop} characters`,
  );

type Figure =
  | 'num_ctx'
  | 'num_predict'
  | 'seed'
  | 'temperature'
  | 'top_k'
  | 'top_p'
  | 'min_p'
  | 'typical_p'
  | 'top_n_sigma'
  | 'xtc_probability'
  | 'xtc_threshold'
  | 'repeat_penalty'
  | 'repeat_last_n'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'mirostat'
  | 'mirostat_tau'
  | 'mirostat_eta';

/** Options that change something here, by the names that Ollama gave them. */
export type OllamaOptions = { readonly [K in Figure]: number | undefined } & {
  readonly stop: string | string[] | undefined;
};

export const optionSchemas: { readonly [K in keyof OllamaOptions]: z.ZodType<OllamaOptions[K]> } = {
  num_ctx: whole,
  num_predict: whole,
  seed: whole,
  stop: given(stopSchema),
  temperature: number,
  top_k: whole,
  top_p: number,
  min_p: number,
  typical_p: number,
  top_n_sigma: number,
  xtc_probability: number,
  xtc_threshold: number,
  repeat_penalty: number,
  repeat_last_n: whole,
  presence_penalty: number,
  frequency_penalty: number,
  mirostat: whole,
  mirostat_tau: number,
  mirostat_eta: number,
};

/** A request's `options`. */
export interface ParsedOptions {
  /** The request that they make of one answer, for a model. */
  of(model: ServedModel): Omit<GenerationRequest, 'prompt'>;
  /** Names of options that change nothing here, each with the one that may have been meant. */
  readonly ignored: readonly string[];
  /** The same options over others, which count where these say nothing. */
  over(others: OllamaOptions): ParsedOptions;
}

// Seeds are one less than 2^32 values; a larger one (the time of day, say) must stay repeatable.
const seeds = 2 ** 32 - 1;
const most = 2 ** 20;

/** A positive number; zero and less mean "no limit". */
const positive = (n: number | undefined): number | undefined => (n !== undefined && n > 0 ? n : undefined);

const seedOf = (seed: number | undefined): number | undefined =>
  seed === undefined || seed < 0 ? undefined : seed % seeds;

function samplingOf(given: OllamaOptions, context: number): PartialSamplingOptions {
  const { top_k, repeat_last_n } = given;
  return {
    temperature: given.temperature,
    topK: top_k === undefined ? undefined : Math.max(0, top_k),
    topP: given.top_p,
    minP: given.min_p,
    typicalP: given.typical_p,
    topNSigma: given.top_n_sigma === undefined ? undefined : Math.max(0, given.top_n_sigma),
    xtcProbability: given.xtc_probability,
    xtcThreshold: given.xtc_threshold,
    repeatPenalty: given.repeat_penalty,
    // Numbers below zero mean the whole context.
    repeatLastN: repeat_last_n !== undefined && repeat_last_n < 0 ? Math.min(context, most) : repeat_last_n,
    presencePenalty: given.presence_penalty,
    frequencyPenalty: given.frequency_penalty,
    mirostat: given.mirostat,
    mirostatTau: given.mirostat_tau,
    mirostatEta: given.mirostat_eta,
    seed: seedOf(given.seed),
  };
}

function optionsOf(given: OllamaOptions): ParsedOptions {
  const context = positive(given.num_ctx);
  return {
    of: ({ trainedContext }) => ({
      sampling: samplingOf(given, context ?? trainedContext),
      context,
      maxTokens: positive(given.num_predict),
      stop: [given.stop ?? []].flat().filter((stop) => stop !== ''),
    }),
    ignored: Object.entries(given).flatMap(([name, value]) =>
      Object.hasOwn(optionSchemas, name) || value === null
        ? []
        : [`${name}${perhaps(name, Object.keys(optionSchemas))}`],
    ),
    over: (others) => {
      const said = Object.entries(given).filter(([, value]) => value !== undefined);
      const beside = Object.keys(optionSchemas).map((name) => [name, others[name as keyof OllamaOptions]]);
      return optionsOf(Object.fromEntries([...beside, ...said]) as OllamaOptions);
    },
  };
}

export const optionsSchema: z.ZodType<ParsedOptions> = z
  .looseObject(optionSchemas)
  .superRefine((given, context) => refuseUnsupported(given, {}, context))
  .nullish()
  .transform((given) => optionsOf((given ?? {}) as OllamaOptions));
