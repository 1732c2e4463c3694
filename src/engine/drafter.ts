/** Guesses tokens that may come next. Wrong ones cost time, nothing else. */
export interface Drafter {
  /** The text goes on with `token`. */
  accept(token: number): void;
  /** At most `most` tokens. */
  propose(most: number): readonly number[];
}

/** Decoding token by token. */
export const noDrafter: Drafter = { accept: () => {}, propose: () => [] };

export interface DraftOptions {
  /** Guess by what followed earlier in the text. */
  readonly ngram: boolean;
  /** The most tokens guessed at once; left out, 15. */
  readonly ahead?: number | undefined;
  /** Guess no further than pays; left out, so it is. */
  readonly adaptive?: boolean | undefined;
}

/** Tokens that are guessed ahead at most, if nobody says. */
const usualAhead = 15;

/** Tokens that a plan must have room for to guess ahead. */
export const aheadOf = (draft: DraftOptions | undefined): number => (draft?.ngram ? (draft.ahead ?? usualAhead) : 0);
