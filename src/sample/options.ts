import { EngineError } from '../base/errors.ts';

/**
 * Options for choosing the next token. The stages come in this order; a stage that would change nothing is left out.
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
  /** The most likely tokens are kept, this many; 0 keeps all. */
  readonly topK: number;
  /** The most likely tokens that together have this probability are kept; 1 keeps all. */
  readonly topP: number;
  /** Tokens with at least this share of the best one's probability are kept; 0 keeps all. */
  readonly minP: number;
  /** Divides the logits; 0 always takes the best token. */
  readonly temperature: number;
  /** The same seed makes the same choices; without one, by chance. */
  readonly seed: number | undefined;
}

/** Some of the options; undefined means not given. */
export type GivenSampling = { readonly [K in keyof SamplingOptions]?: SamplingOptions[K] | undefined };

export const defaultSampling: SamplingOptions = {
  repeatPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatLastN: 64,
  topK: 40,
  topP: 0.9,
  minP: 0,
  temperature: 0.8,
  seed: undefined,
};

interface Range {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
}

// The bounds keep the logits finite; a seed is a number of 32 bits.
const ranges: Readonly<Record<keyof SamplingOptions, Range>> = {
  repeatPenalty: { least: 0.01, most: 100 },
  frequencyPenalty: { least: -100, most: 100 },
  presencePenalty: { least: -100, most: 100 },
  repeatLastN: { least: 0, most: 2 ** 20, whole: true },
  topK: { least: 0, most: 2 ** 31 - 1, whole: true },
  topP: { least: 0, most: 1 },
  minP: { least: 0, most: 1 },
  temperature: { least: 0, most: 100 },
  seed: { least: 0, most: 2 ** 32 - 2, whole: true },
};

const isWithin = (value: number, { least, most, whole = false }: Range): boolean =>
  value >= least && value <= most && (!whole || Number.isInteger(value));

/** The given options, and the defaults for the others. Throws BAD_OPTION. */
export function samplingOptions(given: GivenSampling): SamplingOptions {
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const options: SamplingOptions = { ...defaultSampling, ...Object.fromEntries(known) };
  for (const [option, range] of Object.entries(ranges)) {
    const value = options[option as keyof SamplingOptions];
    if (value === undefined || isWithin(value, range)) continue;
    const expected = `a${range.whole ? ' whole' : ''} number from ${range.least} to ${range.most}`;
    throw new EngineError('BAD_OPTION', { option, value: String(value), expected });
  }
  return options;
}
