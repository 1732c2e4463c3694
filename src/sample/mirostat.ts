import { at } from '../base/at.ts';
import type { Distribution } from './distribution.ts';
import type { SamplingOptions } from './sampling-options.ts';

// Tokens by which the first version estimates how fast probabilities fall, as in llama.cpp.
const estimating = 100;

/**
 * The tokens that mirostat (https://arxiv.org/abs/2007.14966) draws from where a token's surprise may be about `bound` bits,
 * normalized; at least the likeliest. The second version leaves out those of more surprise, the first keeps as many tokens
 * as it expects to have that.
 */
export function keptByMirostat(
  distribution: Distribution,
  { version, bound, vocabulary }: { readonly version: number; readonly bound: number; readonly vocabulary: number },
): Distribution {
  const { tokens, probabilities } = distribution;
  const sorted = probabilities.slice().sort().reverse();
  const count =
    version === 1
      ? Math.min(sorted.length, Math.max(1, mostTokens(sorted, bound, vocabulary)))
      : Math.max(1, countAtLeast(sorted, 2 ** -bound));
  const least = at(sorted, count - 1);
  // Those with lower numbers come first among tokens that are as likely as the last one.
  let equals = count - countAtLeast(sorted, least, true);
  const kept: number[] = [];
  for (let i = 0; i < tokens.length; i += 1) {
    const probability = at(probabilities, i);
    if (probability > least || (probability === least && equals-- > 0)) kept.push(i);
  }
  const sum = kept.reduce((sum, i) => sum + at(probabilities, i), 0);
  return {
    tokens: Int32Array.from(kept, (i) => at(tokens, i)),
    probabilities: Float32Array.from(kept, (i) => at(probabilities, i) / sum),
  };
}

/** The number of values in descending order that are at least `least`, or above it. */
function countAtLeast(sorted: Float32Array, least: number, above = false): number {
  const end = sorted.findIndex((value) => value < least || (above && value === least));
  return end < 0 ? sorted.length : end;
}

/** The number of tokens that together have about the surprise `bound`, if probabilities fall by Zipf's law. */
function mostTokens(sorted: Float32Array, bound: number, vocabulary: number): number {
  let [tb, tt] = [0, 0];
  for (let i = 0; i < Math.min(estimating, sorted.length) - 1 && at(sorted, i + 1) > 0; i += 1) {
    const t = Math.log((i + 2) / (i + 1));
    tb += t * Math.log(at(sorted, i) / at(sorted, i + 1));
    tt += t * t;
  }
  const exponent = tb / tt;
  const excess = exponent - 1;
  return Math.trunc(((excess * 2 ** bound) / (1 - vocabulary ** -excess)) ** (1 / exponent)) || 1;
}

/** The bound of surprise after a token of this probability: nearer to where the target is met. */
export const nextBound = (
  bound: number,
  probability: number,
  { mirostatTau, mirostatEta }: Pick<SamplingOptions, 'mirostatTau' | 'mirostatEta'>,
): number => bound - mirostatEta * (-Math.log2(probability) - mirostatTau);
