import { EngineError } from '../base/errors.ts';
import { checkTextLimits, type TextLimits } from '../base/text-limits.ts';

/**
 * Options for choosing the next token. The stages come in this order; a stage that would change nothing is left out.
 *
 * @example const greedy: Partial<SamplingOptions> = { temperature: 0, repeatPenalty: 1.1 };
 */
export interface SamplingOptions {
  /** Divides the positive logits (and multiplies the negative ones) of tokens seen of late; 1 is off. */
  readonly repeatPenalty: number;
  /** Subtracted from a logit for each time its token was seen of late; 0 is off. */
  readonly frequencyPenalty: number;
  /** Subtracted from a logit once if its token was seen of late; 0 is off. */
  readonly presencePenalty: number;
  /** The number of tokens that are "of late"; 0 turns the penalties off. */
  readonly repeatLastN: number;
  /** Weight of the penalty of tokens that would make a sequence longer that was there before (DRY); 0 is off. */
  readonly dryMultiplier: number;
  /** Times that the penalty grows with each token of the sequence. */
  readonly dryBase: number;
  /** Tokens that a sequence may have at no cost. */
  readonly dryAllowedLength: number;
  /** The number of last tokens among which sequences are looked for; 0 turns it off. */
  readonly dryPenaltyLastN: number;
  /** Texts that end sequences. */
  readonly drySequenceBreakers: readonly string[];
  /** Tokens whose logit is at most so many standard deviations below the best are kept; 0 keeps all. */
  readonly topNSigma: number;
  /** The most likely tokens are kept, this many; 0 keeps all. */
  readonly topK: number;
  /** Tokens of about the expected surprise that together have this probability are kept; 1 keeps all. */
  readonly typicalP: number;
  /** The most likely tokens that together have this probability are kept; 1 keeps all. */
  readonly topP: number;
  /** Tokens with at least this share of the best one's probability are kept; 0 keeps all. */
  readonly minP: number;
  /** Chance that of the tokens with at least `xtcThreshold` only the least likely one is kept; 0 is off. */
  readonly xtcProbability: number;
  /** Probability that makes a token one of these; more than 0.5 is off. */
  readonly xtcThreshold: number;
  /** Divides the logits; 0 always takes the best token. */
  readonly temperature: number;
  /** The temperature is that much lower where the model is sure, and higher where it is not; 0 is off. */
  readonly dynatempRange: number;
  /** Exponent of the entropy, which says how sure the model is. */
  readonly dynatempExponent: number;
  /** The version of mirostat, which takes the place of all stages but the temperature; 0 is off. */
  readonly mirostat: number;
  /** Bits of surprise that a token has on average. */
  readonly mirostatTau: number;
  /** Share of the error by which the bound of surprise moves after each token. */
  readonly mirostatEta: number;
  /** The same seed makes the same choices; without one, by chance. */
  readonly seed: number | undefined;
}

/**
 * Some of the options; undefined means not given.
 *
 * @example const sampling: PartialSamplingOptions = { temperature: 0.7, topP: 0.9, seed: 1 };
 */
export type PartialSamplingOptions = { readonly [K in keyof SamplingOptions]?: SamplingOptions[K] | undefined };

export const defaultSampling: SamplingOptions = {
  repeatPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatLastN: 64,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryPenaltyLastN: 2 ** 20,
  drySequenceBreakers: ['\n', ':', '"', '*'],
  topNSigma: 0,
  topK: 40,
  typicalP: 1,
  topP: 0.9,
  minP: 0,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  temperature: 0.8,
  dynatempRange: 0,
  dynatempExponent: 1,
  mirostat: 0,
  mirostatTau: 5,
  mirostatEta: 0.1,
  seed: undefined,
};

/** The most texts that end sequences, each looked for in all tokens, and characters of one, as llama.cpp has it. */
export const breakerLimits: TextLimits = { texts: 16, characters: 40 };

/** Options that are numbers. */
export type SamplingNumber = Exclude<keyof SamplingOptions, 'drySequenceBreakers'>;

interface Range {
  readonly min: number;
  readonly max: number;
  readonly whole?: boolean;
}

/** Bounds that keep the logits finite; a seed is a number of 32 bits. */
export const samplingRanges: Readonly<Record<SamplingNumber, Range>> = {
  repeatPenalty: { min: 0.01, max: 100 },
  frequencyPenalty: { min: -100, max: 100 },
  presencePenalty: { min: -100, max: 100 },
  repeatLastN: { min: 0, max: 2 ** 20, whole: true },
  dryMultiplier: { min: 0, max: 100 },
  dryBase: { min: 1, max: 100 },
  dryAllowedLength: { min: 0, max: 2 ** 20, whole: true },
  dryPenaltyLastN: { min: 0, max: 2 ** 20, whole: true },
  topK: { min: 0, max: 2 ** 31 - 1, whole: true },
  topNSigma: { min: 0, max: 100 },
  typicalP: { min: 0, max: 1 },
  topP: { min: 0, max: 1 },
  minP: { min: 0, max: 1 },
  xtcProbability: { min: 0, max: 1 },
  xtcThreshold: { min: 0, max: 1 },
  temperature: { min: 0, max: 100 },
  dynatempRange: { min: 0, max: 100 },
  dynatempExponent: { min: 0, max: 100 },
  mirostat: { min: 0, max: 2, whole: true },
  mirostatTau: { min: 0, max: 100 },
  mirostatEta: { min: 0, max: 100 },
  seed: { min: 0, max: 2 ** 32 - 2, whole: true },
};

/** Values below zero that mean something, as clients write them: none, or all of the context. */
export const belowZero: Readonly<Partial<Record<SamplingNumber, number>>> = {
  topK: 0,
  topNSigma: 0,
  repeatLastN: samplingRanges.repeatLastN.max,
  dryPenaltyLastN: samplingRanges.dryPenaltyLastN.max,
};

export type SamplingName =
  | 'temperature'
  | 'dynatemp_range'
  | 'dynatemp_exponent'
  | 'top_n_sigma'
  | 'top_k'
  | 'typical_p'
  | 'top_p'
  | 'min_p'
  | 'xtc_probability'
  | 'xtc_threshold'
  | 'repeat_penalty'
  | 'repeat_last_n'
  | 'presence_penalty'
  | 'frequency_penalty'
  | 'dry_multiplier'
  | 'dry_base'
  | 'dry_allowed_length'
  | 'dry_penalty_last_n'
  | 'mirostat'
  | 'mirostat_tau'
  | 'mirostat_eta'
  | 'seed';

/** Names of the options as Ollama, llama-server and most clients write them. */
export const samplingNames: Readonly<Record<SamplingName, SamplingNumber>> = {
  temperature: 'temperature',
  dynatemp_range: 'dynatempRange',
  dynatemp_exponent: 'dynatempExponent',
  top_n_sigma: 'topNSigma',
  top_k: 'topK',
  typical_p: 'typicalP',
  top_p: 'topP',
  min_p: 'minP',
  xtc_probability: 'xtcProbability',
  xtc_threshold: 'xtcThreshold',
  repeat_penalty: 'repeatPenalty',
  repeat_last_n: 'repeatLastN',
  presence_penalty: 'presencePenalty',
  frequency_penalty: 'frequencyPenalty',
  dry_multiplier: 'dryMultiplier',
  dry_base: 'dryBase',
  dry_allowed_length: 'dryAllowedLength',
  dry_penalty_last_n: 'dryPenaltyLastN',
  mirostat: 'mirostat',
  mirostat_tau: 'mirostatTau',
  mirostat_eta: 'mirostatEta',
  seed: 'seed',
};

export const isWithin = (value: number, { min, max, whole = false }: Range): boolean =>
  value >= min && value <= max && (!whole || Number.isInteger(value));

/** Options of which each counts over those before it where it is given. */
export const mergedSampling = (...options: readonly PartialSamplingOptions[]): Partial<SamplingOptions> =>
  Object.fromEntries(options.flatMap(Object.entries).filter(([, value]) => value !== undefined));

/** The given options, and the defaults for the others. Throws BAD_OPTION. */
export function samplingOptions(given: PartialSamplingOptions): SamplingOptions {
  const options: SamplingOptions = { ...defaultSampling, ...mergedSampling(given) };
  for (const [option, range] of Object.entries(samplingRanges)) {
    const value = options[option as SamplingNumber];
    if (value === undefined || isWithin(value, range)) continue;
    const expected = `a${range.whole ? ' whole' : ''} number from ${range.min} to ${range.max}`;
    throw new EngineError('BAD_OPTION', { option, value: String(value), expected });
  }
  checkTextLimits('drySequenceBreakers', options.drySequenceBreakers, breakerLimits);
  return options;
}
