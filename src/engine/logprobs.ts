import { at, last } from '../base/at.ts';
import { type Distribution, probabilityOf } from '../sample/distribution.ts';

/**
 * A token with its natural log-probability: by the model, or by what sampling made of that.
 *
 * @example const probability = ({ logprob }: TokenProbability) => Math.exp(logprob);
 */
export interface TokenProbability {
  readonly token: number;
  readonly logprob: number;
}

/**
 * The chosen token, and the likeliest ones, the best first.
 *
 * @example const surprise = ({ logprob }: Logprob) => -logprob;
 */
export interface Logprob extends TokenProbability {
  readonly top: readonly TokenProbability[];
}

/** The log-softmax of `logits` (vocabulary) at `token` and at the `count` likeliest tokens. */
export function logprobOf(logits: Float32Array, token: number, count: number): Logprob {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) if (logit > Number.NEGATIVE_INFINITY) sum += Math.exp(logit - largest);
  const normalizer = largest + Math.log(sum);
  const probability = (id: number): TokenProbability => ({ token: id, logprob: at(logits, id) - normalizer });
  return { ...probability(token), top: likeliest(logits, count).map(probability) };
}

/** The log-probability of a token by the distribution that it was drawn from, and those of the `count` likeliest ones. */
export function drawnLogprob(distribution: Distribution, token: number, count: number): Logprob {
  const { tokens, probabilities } = distribution;
  const possible = likeliest(probabilities, count).filter((i) => at(probabilities, i) > 0);
  return {
    token,
    logprob: Math.log(probabilityOf(distribution, token)),
    top: possible.map((i) => ({ token: at(tokens, i), logprob: Math.log(at(probabilities, i)) })),
  };
}

/** The places of the `count` largest logits or probabilities, the best first. */
function likeliest(logits: Float32Array, count: number): readonly number[] {
  if (count === 0) return [];
  const best: { readonly id: number; readonly logit: number }[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id += 1) {
    const logit = logits[id] as number;
    if (best.length === count && logit <= least) continue;
    const place = best.findIndex((other) => logit > other.logit);
    best.splice(place < 0 ? best.length : place, 0, { id, logit });
    if (best.length > count) best.pop();
    least = last(best).logit;
  }
  return best.map(({ id }) => id);
}
