import type { DraftToken } from '../../sample/token-rng.ts';
import { AcceptanceRate } from './draft-length.ts';

/** Drafts the next tokens of one text. Rejected draft tokens cost time, nothing else. */
export interface Drafter extends Disposable {
  /** The share of draft tokens that are accepted, as learned so far. */
  readonly acceptance: AcceptanceRate;
  /** Seconds of a draft token. */
  readonly cost: number;
  /** Records that the text goes on with `token`. */
  accept(token: number): void;
  /** Draft tokens to follow the text, at most `most`. */
  propose(most: number): readonly DraftToken[] | Promise<readonly DraftToken[]>;
}

/** The null drafter: decoding token by token. */
export const noDrafter = (): Drafter => ({
  acceptance: new AcceptanceRate(),
  cost: 0,
  accept: () => {},
  propose: () => [],
  [Symbol.dispose]: () => {},
});

/**
 * Drafts of the next tokens, which a pass then verifies.
 *
 * @example const draft: DraftOptions = { ngram: true };
 */
export interface DraftOptions {
  /** Drafts what followed earlier in the text. */
  readonly ngram?: boolean | undefined;
  /** A GGUF file of another model with the same vocabulary that drafts; with `ngram` too, where nothing came before. */
  readonly model?: string | undefined;
  /** The most draft tokens in a pass; default 15. */
  readonly ahead?: number | undefined;
  /** Drafts no further than pays; default true. */
  readonly adaptive?: boolean | undefined;
}

/** The most draft tokens in a pass if nobody says. */
const usualAhead = 15;

/** Draft tokens that a plan must have room for. */
export const aheadOf = (draft: DraftOptions = {}): number =>
  draft.ngram || draft.model !== undefined ? (draft.ahead ?? usualAhead) : 0;
