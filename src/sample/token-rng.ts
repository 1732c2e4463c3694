import { type Distribution, drawToken, probabilityOf, residual } from './distribution.ts';

/** A token that is thought to come next. */
export interface DraftToken {
  readonly token: number;
  /** The distribution that it was drawn from; undefined if it was not drawn. */
  readonly drawnFrom?: Distribution | undefined;
}

/** Draws tokens. `position` is the number of tokens that come before. */
export interface TokenRng {
  /** A draft of the token that `draw` will give at `position`, by a distribution that resembles its own. */
  draft(q: Distribution, position: number): DraftToken;
  /** A token of `p`. The draft makes no difference to how likely each token is. */
  draw(p: Distribution, position: number, drafted: DraftToken | undefined): number;
}

/**
 * An rng without a seed: as many draft tokens as possible are accepted. Rejection sampling of "Fast Inference from
 * Transformers via Speculative Decoding" (Leviathan et al., 2023): a draft token from q is accepted with min(1, p / q);
 * else a token is drawn from what p has more than q. `random` gives numbers from 0 to 1, less than 1.
 */
export const freeRng = (random: () => number): TokenRng => ({
  draft: (q) => ({ token: drawToken(q, random()), drawnFrom: q }),
  draw: (p, _, drafted) => {
    if (!drafted?.drawnFrom) return drawToken(p, random());
    const [wanted, had] = [probabilityOf(p, drafted.token), probabilityOf(drafted.drawnFrom, drafted.token)];
    return random() * had < wanted ? drafted.token : drawToken(residual(p, drafted.drawnFrom), random());
  },
});

/**
 * An rng with a seed: the same at the same position, whatever is drafted, so that drafts change nothing of a text. Each
 * token has a random number there; the least of -log(number) / p wins, which gives each token its probability
 * (Gumbel-max). A draft by a distribution like p mostly finds the same winner.
 */
export function seededRng(seed: number): TokenRng {
  const winner = ({ tokens, probabilities }: Distribution, position: number): number => {
    const here = mix(mix(seed) ^ Math.imul(position + 1, 0x9e3779b1));
    let [best, least] = [0, Number.POSITIVE_INFINITY];
    for (let i = 0; i < tokens.length; i += 1) {
      const token = tokens[i] as number;
      const number = (mix(here ^ Math.imul(token + 1, 0x85ebca6b)) + 0.5) / 2 ** 32;
      const time = -Math.log(number) / (probabilities[i] as number);
      if (time < least) [best, least] = [token, time];
    }
    return best;
  };
  return {
    draft: (q, position) => ({ token: winner(q, position) }),
    draw: winner,
  };
}

/** Spreads the bits of a number over 32: a bijection, with the constants of "lowbias32" (Wellons, 2018). */
function mix(number: number): number {
  let x = number | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
