import { EngineError } from '../base/errors.ts';

/** How the next token is chosen. The stages come in this order; a stage that would change nothing is left out. */
export interface SamplingOptions {
  /** Divides the positive logits (and multiplies the negative ones) of tokens seen of late; 1 is off. */
  readonly repeatPenalty: number;
  /** Taken off a logit for each time its token was seen of late; 0 is off. */
  readonly frequencyPenalty: number;
  /** Taken off a logit once if its token was seen of late; 0 is off. */
  readonly presencePenalty: number;
  /** How many tokens "of late" are; 0 turns the penalties off. */
  readonly repeatLastN: number;
  /** Keep the most likely tokens, this many; 0 keeps all. */
  readonly topK: number;
  /** Keep the most likely tokens that together have this probability; 1 keeps all. */
  readonly topP: number;
  /** Keep tokens with at least this share of the best one's probability; 0 keeps all. */
  readonly minP: number;
  /** Divides the logits; 0 always takes the best token. */
  readonly temperature: number;
  /** Same seed, same choices; a random one unless given. */
  readonly seed: number | undefined;
}

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

// libllama takes the seed 2^32 - 1 for "any". The other bounds keep the logits finite.
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

function check(option: string, value: number, { least, most, whole = false }: Range): void {
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return;
  const expected = `a${whole ? ' whole' : ''} number from ${least} to ${most}`;
  throw new EngineError('BAD_OPTION', { option, value: String(value), expected });
}

/** The given options, and the defaults for the others. Throws BAD_OPTION. */
export function samplingOptions(given: Partial<SamplingOptions>): SamplingOptions {
  const options = { ...defaultSampling, ...given };
  for (const [option, range] of Object.entries(ranges)) {
    const value = options[option as keyof SamplingOptions];
    if (value !== undefined) check(option, value, range);
  }
  return options;
}
