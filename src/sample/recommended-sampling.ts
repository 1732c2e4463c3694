import type { Metadata } from '../gguf/metadata.ts';
import { isWithin, type PartialSamplingOptions, type SamplingNumber, samplingRanges } from './sampling-options.ts';

/** Keys of a file's recommendations, behind "general.sampling.". */
const keys: Readonly<Partial<Record<SamplingNumber, string>>> = {
  temperature: 'temp',
  topK: 'top_k',
  topP: 'top_p',
  minP: 'min_p',
  xtcProbability: 'xtc_probability',
  xtcThreshold: 'xtc_threshold',
  repeatLastN: 'penalty_last_n',
  repeatPenalty: 'penalty_repeat',
  mirostat: 'mirostat',
  mirostatTau: 'mirostat_tau',
  mirostatEta: 'mirostat_eta',
};

/** The sampling that a model's file recommends: options without a value, or with one that is not valid, are left out. */
export const recommendedSampling = (metadata: Metadata): PartialSamplingOptions =>
  Object.fromEntries(
    Object.entries(keys).flatMap(([option, name]) => {
      const key = `general.sampling.${name}`;
      const value = metadata.has(key) ? metadata.raw(key) : undefined;
      const isValid = typeof value === 'number' && isWithin(value, samplingRanges[option as SamplingNumber]);
      return isValid ? [[option, value]] : [];
    }),
  );
