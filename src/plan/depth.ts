/** What speculation has been seen to do. */
export interface Outlook {
  /** The share of drafted tokens that came true, each given that those before it did: 0 to 1. */
  readonly acceptance: number;
  /** Seconds of a pass over so many tokens. */
  seconds(tokens: number): number;
  /** Seconds that drafting a token takes. */
  readonly cost: number;
}

/** Other sequences in the pass: how many there are, each of which gains a token at least, and their tokens. */
export interface Others {
  readonly sequences: number;
  readonly tokens: number;
}

/** Tokens that a pass over one token and `depth` drafted ones yields on average: 1 + a + a² + … + a^depth. */
const expectedTokens = (acceptance: number, depth: number): number =>
  acceptance >= 1 ? depth + 1 : (1 - acceptance ** (depth + 1)) / (1 - acceptance);

/** How many tokens to draft, at most `most`: as many as give the pass most tokens per second. */
export function bestDepth({ acceptance, seconds, cost }: Outlook, most: number, others: Others): number {
  const rate = (depth: number): number =>
    (others.sequences + expectedTokens(acceptance, depth)) / (seconds(others.tokens + 1 + depth) + depth * cost);
  let best = 0;
  for (let depth = 1; depth <= most; depth += 1) if (rate(depth) > rate(best)) best = depth;
  return best;
}

/** What is expected of drafts before any was seen, and how many tokens seen that counts for. */
const prior = 0.7;
const priorTokens = 2;
/**
 * Of one token more, what counts at least; and of a pass without a draft, by which the past is forgotten. So slowly
 * that trying again costs at most 3 % where no draft ever comes true.
 */
const weight = 0.1;
const forgetting = 0.005;

/** Learns how many drafted tokens come true. */
export class Acceptance {
  #rate = prior;
  #seen = 0;

  /** The chance of a drafted token, given that those before it came true. */
  get rate(): number {
    return this.#rate;
  }

  /** Of `drafted` tokens the first `accepted` came true; what would have come of those after a wrong one is not known. */
  seen(drafted: number, accepted: number): void {
    if (drafted === 0) this.#rate += forgetting * (prior - this.#rate);
    for (let i = 0; i < accepted; i += 1) this.#learn(1);
    if (accepted < drafted) this.#learn(0);
  }

  #learn(outcome: 0 | 1): void {
    this.#seen += 1;
    this.#rate += Math.max(weight, 1 / (priorTokens + this.#seen)) * (outcome - this.#rate);
  }
}
