import { type Distribution, draw, probabilityOf, residual } from './distribution.ts';

/** A token that is thought to come next. */
export interface Guess {
  readonly token: number;
  /** The distribution that it was drawn from; undefined if it was not drawn. */
  readonly of?: Distribution | undefined;
}

/** Draws tokens. `position` is the number of tokens that come before. */
export interface Chance {
  /** A draft of the token that `choose` will give at `position`, by a distribution that resembles its own. */
  guess(q: Distribution, position: number): Guess;
  /** A token of `p`. The draft makes no difference to how likely each token is. */
  choose(p: Distribution, position: number, guess: Guess | undefined): number;
}

/**
 * Chance without a seed: as many draft tokens as possible are accepted. Rejection sampling of "Fast Inference from
 * Transformers via Speculative Decoding" (Leviathan et al., 2023): a draft token from q is accepted with min(1, p / q);
 * else a token is drawn from what p has more than q. `random` gives numbers from 0 to 1, less than 1.
 */
export const freeChance = (random: () => number): Chance => ({
  guess: (q) => ({ token: draw(q, random()), of: q }),
  choose: (p, _, guess) => {
    if (!guess?.of) return draw(p, random());
    const [wanted, had] = [probabilityOf(p, guess.token), probabilityOf(guess.of, guess.token)];
    return random() * had < wanted ? guess.token : draw(residual(p, guess.of), random());
  },
});

/**
 * Chance by a seed: the same at the same position, whatever is drafted, so that drafts change nothing of a text. Each
 * token has a random number there; the least of -log(number) / p wins, which gives each token its probability
 * (Gumbel-max). A draft by a distribution like p mostly finds the same winner.
 */
export function seededChance(seed: number): Chance {
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
    guess: (q, position) => ({ token: winner(q, position) }),
    choose: winner,
  };
}

/** Spreads the bits of a number over 32: a bijection, with the constants of "lowbias32" (Wellons, 2018). */
function mix(number: number): number {
  let x = number | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
