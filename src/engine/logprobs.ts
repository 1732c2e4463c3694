/** A token with its natural log-probability, before sampling changed anything. */
export interface TokenProbability {
  readonly token: number;
  readonly logprob: number;
}

/** That of the chosen token, and those of the likeliest ones, the best first. */
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
  const probability = (id: number): TokenProbability => ({ token: id, logprob: (logits[id] ?? 0) - normalizer });
  return { ...probability(token), top: likeliest(logits, count).map(probability) };
}

/** The `count` tokens with the largest logits, the best first. */
function likeliest(logits: Float32Array, count: number): readonly number[] {
  const best: number[] = [];
  const at = (id: number | undefined): number => logits[id ?? -1] ?? Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length && count > 0; id += 1) {
    if (best.length === count && at(id) <= at(best.at(-1))) continue;
    const place = best.findIndex((other) => at(id) > at(other));
    best.splice(place < 0 ? best.length : place, 0, id);
    if (best.length > count) best.pop();
  }
  return best;
}
