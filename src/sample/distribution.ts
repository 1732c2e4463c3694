/** How likely each of some tokens is; all others are impossible. Arrays of equal length; probabilities sum to 1. */
export interface Distribution {
  readonly tokens: Int32Array;
  readonly probabilities: Float32Array;
}

/** The distribution of a token that is certain. */
export const certain = (token: number): Distribution => ({
  tokens: Int32Array.of(token),
  probabilities: Float32Array.of(1),
});

/** 0 of a token that it does not name. */
export const probabilityOf = ({ tokens, probabilities }: Distribution, token: number): number =>
  probabilities[tokens.indexOf(token)] ?? 0;

/** Draws a token by a number from 0 to 1, less than 1. */
export function draw({ tokens, probabilities }: Distribution, chance: number): number {
  let left = chance * probabilities.reduce((sum, p) => sum + p, 0);
  let last = 0;
  for (let i = 0; i < probabilities.length; i += 1) {
    const p = probabilities[i] ?? 0;
    if (p === 0) continue;
    if (left < p) return tokens[i] ?? 0;
    left -= p;
    last = i;
  }
  // What rounding leaves over falls to the last token that is possible.
  return tokens[last] ?? 0;
}

/** What is left of `p` where `q` is taken off it: max(0, p - q), normalized; `p` itself if nothing is. */
export function residual(p: Distribution, q: Distribution): Distribution {
  const taken = new Map<number, number>();
  for (const [i, token] of q.tokens.entries()) taken.set(token, q.probabilities[i] ?? 0);
  const left = p.probabilities.map((probability, i) => Math.max(0, probability - (taken.get(p.tokens[i] ?? 0) ?? 0)));
  const sum = left.reduce((a, b) => a + b, 0);
  return sum > 0 ? { tokens: p.tokens, probabilities: left.map((probability) => probability / sum) } : p;
}
