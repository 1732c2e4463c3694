import * as z from 'zod';
import { defaultSampling, type SamplingOptions, samplingRanges } from '../../sample/sampling-options.ts';
import type { CommandName, OptionSpecs } from './option-spec.ts';
import { real, thinking, whole } from './schemas.ts';

/** Settings of an answer: how many tokens, and how each is chosen. */
export interface AnswerSettings
  extends Pick<SamplingOptions, 'temperature' | 'topK' | 'topP' | 'minP' | 'repeatPenalty' | 'seed'> {
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

export const answerOptions: OptionSpecs<AnswerSettings> = {
  maxTokens: {
    flags: '-n, --max-tokens <n>',
    help: 'longest answer, in tokens',
    schema: whole('a number of tokens', 0).optional(),
    byDefault: 'as the context allows',
    commands,
  },
  temperature: {
    flags: '--temperature <t>',
    help: 'randomness; 0 always takes the likeliest token',
    schema: real(samplingRanges.temperature),
    default: defaultSampling.temperature,
    commands,
  },
  topK: {
    flags: '--top-k <k>',
    help: 'choose among the k likeliest tokens; 0 is all',
    schema: whole('a whole number', samplingRanges.topK.min, samplingRanges.topK.max),
    default: defaultSampling.topK,
    commands,
  },
  topP: {
    flags: '--top-p <p>',
    help: 'choose among the likeliest tokens that together have this probability',
    schema: real(samplingRanges.topP),
    default: defaultSampling.topP,
    commands,
  },
  minP: {
    flags: '--min-p <p>',
    help: 'leave out tokens less likely than p times the likeliest',
    schema: real(samplingRanges.minP),
    default: defaultSampling.minP,
    commands,
  },
  repeatPenalty: {
    flags: '--repeat-penalty <r>',
    help: 'make recent tokens less likely; 1 is off',
    schema: real(samplingRanges.repeatPenalty),
    default: defaultSampling.repeatPenalty,
    commands,
  },
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
    schema: z.array(z.string()),
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
    commands,
    aliases: [{ flags: '--no-think', value: false, help: 'answer at once' }],
  },
  thinkBudget: {
    flags: '--think-budget <n>',
    help: 'most tokens of thoughts, which then end',
    schema: whole('a number of tokens', 0).optional(),
    byDefault: 'any number',
    commands,
  },
};
