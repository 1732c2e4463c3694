import * as z from 'zod';
import {
  belowZero,
  breakerLimits,
  defaultSampling,
  type PartialSamplingOptions,
  type SamplingNumber,
  samplingRanges,
} from '../../sample/sampling-options.ts';
import { stopLimits } from '../../text/stop-matcher.ts';
import type { CommandName, OptionSpec, OptionSpecs } from './option-spec.ts';
import { real, texts, thinking, whole } from './schemas.ts';

/** Settings of an answer: how many tokens, and how each is chosen; undefined: as the model's file recommends. */
export interface AnswerSettings extends PartialSamplingOptions {
  /** Tokens of the answer; undefined: as many as the context holds. */
  readonly maxTokens?: number | undefined;
  /** Texts that end the answer. */
  readonly stop: readonly string[];
  /** Whether the model thinks first, or how much; undefined: as its template has it. */
  readonly think?: boolean | string | undefined;
  /** Tokens of thoughts; undefined: as many as it likes. */
  readonly thinkBudget?: number | undefined;
}

const commands: readonly CommandName[] = ['run', 'chat'];

/** An option of sampling. */
function sampling(option: SamplingNumber, flags: string, help: string): OptionSpec<number | undefined> {
  const range = samplingRanges[option];
  const within = range.whole ? whole('a whole number', range.min, range.max) : real(range);
  const below = belowZero[option];
  const schema = below === undefined ? within : z.preprocess((value) => (Number(value) < 0 ? below : value), within);
  return {
    flags,
    help,
    schema: schema.optional(),
    byDefault: `${defaultSampling[option]}, or the model's own`,
    commands,
  };
}

export const answerOptions: OptionSpecs<AnswerSettings> = {
  maxTokens: {
    flags: '-n, --max-tokens <n>',
    help: 'longest answer, in tokens',
    schema: whole('a number of tokens', 0).optional(),
    byDefault: 'as the context allows',
    commands,
  },
  temperature: sampling('temperature', '--temperature <t>', 'randomness; 0 always takes the likeliest token'),
  dynatempRange: sampling(
    'dynatempRange',
    '--dynatemp-range <t>',
    'let the temperature be so much lower where the model is sure, higher where it is not',
  ),
  dynatempExponent: sampling(
    'dynatempExponent',
    '--dynatemp-exp <x>',
    'exponent of the entropy that says how sure the model is',
  ),
  topNSigma: sampling(
    'topNSigma',
    '--top-n-sigma <n>',
    'leave out tokens more than n standard deviations below the likeliest; 0 is off',
  ),
  topK: sampling('topK', '--top-k <k>', 'choose among the k likeliest tokens; 0 is all'),
  typicalP: sampling(
    'typicalP',
    '--typical <p>',
    'choose among tokens of about the expected surprise that together have this probability',
  ),
  topP: sampling('topP', '--top-p <p>', 'choose among the likeliest tokens that together have this probability'),
  minP: sampling('minP', '--min-p <p>', 'leave out tokens less likely than p times the likeliest'),
  xtcProbability: sampling(
    'xtcProbability',
    '--xtc-probability <p>',
    'how often the likeliest tokens are left out; 0 is never',
  ),
  xtcThreshold: sampling(
    'xtcThreshold',
    '--xtc-threshold <p>',
    'tokens at least as likely are among those left out, but for the last',
  ),
  repeatLastN: sampling('repeatLastN', '--repeat-last-n <n>', 'how many tokens are recent'),
  repeatPenalty: sampling('repeatPenalty', '--repeat-penalty <r>', 'make recent tokens less likely; 1 is off'),
  presencePenalty: sampling(
    'presencePenalty',
    '--presence-penalty <p>',
    'subtract from the logit of each recent token',
  ),
  frequencyPenalty: sampling('frequencyPenalty', '--frequency-penalty <p>', 'subtract that for each time it was there'),
  dryMultiplier: sampling(
    'dryMultiplier',
    '--dry-multiplier <x>',
    'make tokens less likely that would go on with a sequence which was there before; 0 is off',
  ),
  dryBase: sampling('dryBase', '--dry-base <x>', 'how much less with each token of the sequence'),
  dryAllowedLength: sampling('dryAllowedLength', '--dry-allowed-length <n>', 'tokens that may be repeated at no cost'),
  dryPenaltyLastN: sampling('dryPenaltyLastN', '--dry-penalty-last-n <n>', 'how many last tokens are looked through'),
  drySequenceBreakers: {
    flags: '--dry-sequence-breaker <text>',
    help: 'text that ends a sequence; may be given more than once',
    schema: texts(breakerLimits).optional(),
    byDefault: '\\n : " *',
    commands,
    repeats: true,
  },
  mirostat: sampling(
    'mirostat',
    '--mirostat <version>',
    'keep the surprise of tokens near a target, by version 1 or 2, instead of all but the temperature; 0 is off',
  ),
  mirostatTau: sampling('mirostatTau', '--mirostat-ent <bits>', 'that target'),
  mirostatEta: sampling('mirostatEta', '--mirostat-lr <x>', 'how fast it is approached'),
  seed: {
    flags: '--seed <n>',
    help: 'the same seed gives the same answer',
    schema: whole('a whole number', samplingRanges.seed.min, samplingRanges.seed.max).optional(),
    byDefault: 'random',
    commands,
  },
  stop: {
    flags: '--stop <text>',
    help: 'text that ends the answer and is not printed; may be given more than once',
    schema: texts(stopLimits),
    default: [],
    byDefault: 'none',
    commands,
    repeats: true,
  },
  think: {
    flags: '--think [level]',
    help: 'think before answering, as a model that can think does, or how much: low, medium, high',
    schema: thinking.optional(),
    byDefault: 'as the model does',
    commands: [...commands, 'serve'],
    variables: ['SSD_LLM_THINK'],
    words: { serve: { help: 'think before answering, or how much, where a request does not say' } },
    aliases: [{ flags: '--no-think', value: false, help: 'answer at once' }],
  },
  thinkBudget: {
    flags: '--think-budget <n>',
    help: 'most tokens of thoughts, which then end',
    schema: whole('a number of tokens', 0).optional(),
    byDefault: 'any number',
    commands: [...commands, 'serve'],
    variables: ['SSD_LLM_THINK_BUDGET'],
    words: { serve: { help: 'most tokens of thoughts where a request does not say' } },
  },
};
