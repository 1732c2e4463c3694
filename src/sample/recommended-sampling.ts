import type { Metadata } from '../gguf/metadata.ts';
import { isWithin, type PartialSamplingOptions, type SamplingOptions, samplingRanges } from './sampling-options.ts';

/** Keys of a file's recommendations, behind "general.sampling.". */
const keys: Readonly<Partial<Record<keyof SamplingOptions, string>>> = {
  temperature: 'temp',
  topK: 'top_k',
  topP: 'top_p',
  minP: 'min_p',
  xtcProbability: 'xtc_probability',
  xtcThreshold: 'xtc_threshold',
  repeatLastN: 'penalty_last_n',
  repeatPenalty: 'penalty_repeat',
};

/** The sampling that a model's file recommends: options without a value, or with one that is not valid, are left out. */
export const recommendedSampling = (metadata: Metadata): PartialSamplingOptions =>
  Object.fromEntries(
    Object.entries(keys).flatMap(([option, name]) => {
      const key = `general.sampling.${name}`;
      const value = metadata.has(key) ? metadata.raw(key) : undefined;
      const isValid = typeof value === 'number' && isWithin(value, samplingRanges[option as keyof SamplingOptions]);
      return isValid ? [[option, value]] : [];
    }),
  );
