/** The record of speculation so far. */
export interface DraftOutlook {
  /** The share of draft tokens that were accepted, each given that those before it were: 0 to 1. */
  readonly acceptance: number;
  /** Seconds of a pass over so many tokens. */
  seconds(tokens: number): number;
  /** Seconds that drafting a token takes. */
  readonly cost: number;
}

/** Other sequences in the pass, each of which gains a token at least, and their tokens. */
export interface OtherSequences {
  readonly sequences: number;
  readonly tokens: number;
}

/** Tokens that a pass over one token and `depth` draft tokens yields on average: 1 + a + a² + … + a^depth. */
const expectedTokens = (acceptance: number, depth: number): number =>
  acceptance >= 1 ? depth + 1 : (1 - acceptance ** (depth + 1)) / (1 - acceptance);

/** The number of tokens to draft, at most `most`, that gives the pass most tokens per second. */
export function bestDraftLength(
  { acceptance, seconds, cost }: DraftOutlook,
  most: number,
  others: OtherSequences,
): number {
  const rate = (depth: number): number =>
    (others.sequences + expectedTokens(acceptance, depth)) / (seconds(others.tokens + 1 + depth) + depth * cost);
  let best = 0;
  for (let depth = 1; depth <= most; depth += 1) if (rate(depth) > rate(best)) best = depth;
  return best;
}

/** Tokens a second of one sequence that drafts `depth` tokens for each pass. */
export const draftedRate = ({ acceptance, seconds, cost }: DraftOutlook, depth: number): number =>
  expectedTokens(acceptance, depth) / (seconds(1 + depth) + depth * cost);

/** Acceptance before any draft was seen, and the number of tokens that this draft counts for. */
export const usualAcceptance = 0.7;
const priorTokens = 2;
/**
 * Each new token counts for this much at least; and a pass without a draft forgets this much of the past, so slowly
 * that trying again costs at most 3 % where no draft is ever accepted.
 */
const emaStep = 0.1;
const priorStep = 0.005;

/** Learns how many draft tokens are accepted. */
export class AcceptanceRate {
  #rate = usualAcceptance;
  #count = 0;

  /** The chance of a draft token, given that those before it were accepted. */
  get rate(): number {
    return this.#rate;
  }

  /**
   * Records that the first `accepted` of `drafted` tokens were right; nothing is known of those after the first wrong
   * one.
   */
  record(drafted: number, accepted: number): void {
    if (drafted === 0) this.#rate += priorStep * (usualAcceptance - this.#rate);
    for (let i = 0; i < accepted; i += 1) this.#learn(1);
    if (accepted < drafted) this.#learn(0);
  }

  #learn(outcome: 0 | 1): void {
    this.#count += 1;
    this.#rate += Math.max(emaStep, 1 / (priorTokens + this.#count)) * (outcome - this.#rate);
  }
}
