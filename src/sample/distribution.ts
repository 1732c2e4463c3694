import { at } from '../base/at.ts';
/** Probabilities of some tokens; all others are impossible. Arrays of equal length; probabilities sum to 1. */
export interface Distribution {
  readonly tokens: Int32Array;
  readonly probabilities: Float32Array;
}

/** The distribution of a token that is certain. */
export const certain = (token: number): Distribution => ({
  tokens: Int32Array.of(token),
  probabilities: Float32Array.of(1),
});

/** The probability of a token; 0 if the distribution does not name it. */
export function probabilityOf({ tokens, probabilities }: Distribution, token: number): number {
  const i = tokens.indexOf(token);
  return i < 0 ? 0 : at(probabilities, i);
}

/** Draws a token by a number from 0 to 1, less than 1. */
export function drawToken({ tokens, probabilities }: Distribution, random: number): number {
  let left = random * probabilities.reduce((sum, p) => sum + p, 0);
  let last = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    const p = probabilities[i] as number;
    if (p === 0) continue;
    if (left < p) return at(tokens, i);
    left -= p;
    last = i;
  }
  // Rounding leaves something over: it falls to the last token that is possible.
  return at(tokens, last);
}

/** The rest of `p` without `q`: max(0, p - q), normalized; `p` itself if nothing is left. */
export function residual(p: Distribution, q: Distribution): Distribution {
  const taken = new Map<number, number>();
  for (const [i, token] of q.tokens.entries()) taken.set(token, at(q.probabilities, i));
  const left = p.probabilities.map((probability, i) => Math.max(0, probability - (taken.get(at(p.tokens, i)) ?? 0)));
  const sum = left.reduce((a, b) => a + b, 0);
  return sum > 0 ? { tokens: p.tokens, probabilities: left.map((probability) => probability / sum) } : p;
}

/** The distribution `p` with `token` in place of those that are not allowed. */
export function withOthersAs(
  token: number,
  { tokens, probabilities }: Distribution,
  isAllowed: (token: number) => boolean,
): Distribution {
  const chances = new Map<number, number>();
  for (const [i, one] of tokens.entries()) {
    const counted = isAllowed(one) ? one : token;
    chances.set(counted, (chances.get(counted) ?? 0) + at(probabilities, i));
  }
  return { tokens: Int32Array.from(chances.keys()), probabilities: Float32Array.from(chances.values()) };
}
