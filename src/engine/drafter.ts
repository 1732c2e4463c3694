import { Acceptance } from '../plan/depth.ts';
import type { Guess } from '../sample/chance.ts';

/** Guesses how one text goes on. Wrong guesses cost time, nothing else. */
export interface Drafter extends Disposable {
  /** How many of the next guesses will come true. */
  readonly acceptance: Acceptance;
  /** Seconds that one of them takes. */
  readonly cost: number;
  /** The text goes on with `token`. */
  accept(token: number): void;
  /** Guesses at the next tokens, at most `most`. */
  propose(most: number): readonly Guess[] | Promise<readonly Guess[]>;
}

/** Decoding token by token. */
export const noDrafter = (): Drafter => ({
  acceptance: new Acceptance(),
  cost: 0,
  accept: () => {},
  propose: () => [],
  [Symbol.dispose]: () => {},
});

export interface DraftOptions {
  /** Guess by what followed earlier in the text. */
  readonly ngram?: boolean | undefined;
  /** Guess by another model with the same vocabulary: a GGUF file. With `ngram` too, where nothing came before. */
  readonly model?: string | undefined;
  /** The most tokens guessed at once; left out, 15. */
  readonly ahead?: number | undefined;
  /** Guess no further than pays; left out, so it is. */
  readonly adaptive?: boolean | undefined;
}

/** Tokens that are guessed ahead at most, if nobody says. */
const usualAhead = 15;

/** Tokens that a plan must have room for to guess ahead. */
export const aheadOf = (draft: DraftOptions = {}): number =>
  draft.ngram || draft.model !== undefined ? (draft.ahead ?? usualAhead) : 0;
