import type { Logprob } from './logprobs.ts';

/**
 * A piece of text as it comes: whole characters, none of a stop string.
 *
 * @example for await (const { text, token } of answer) console.log(token, text);
 */
export interface Piece {
  readonly text: string;
  /** The token that completed the text; undefined for text that was held back until the end. */
  readonly token: number | undefined;
  /** Log-probability of `token`, if asked for. */
  readonly logprob?: Logprob | undefined;
}

/** Pieces that wait to be read before they are joined. */
const mostLoose = 1024;

/** The pieces of an answer on their way to one reader, who may be slow. */
export class PieceQueue {
  readonly #pieces: Piece[] = [];
  /** Pieces at the end that may be joined. */
  #loose = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  /** Where many pieces wait they are joined: each takes more than its text. */
  push(piece: Piece): void {
    const pieces = this.#pieces;
    pieces.push(piece);
    this.#loose = piece.logprob ? 0 : Math.min(this.#loose + 1, pieces.length);
    if (this.#loose === mostLoose) {
      const joined = pieces.splice(-mostLoose).map(({ text }) => text);
      pieces.push({ ...piece, text: joined.join('') });
      this.#loose = 0;
    }
    this.#wake();
  }

  /** Nothing more comes; `error` says why, if something went wrong. */
  end(error?: Error): void {
    this.#ended = true;
    this.#error = error;
    this.#wake();
  }

  /** The next piece; undefined after the last. Rejects with the error that ended it, after the pieces before it. */
  async read(): Promise<Piece | undefined> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) return piece;
      if (this.#error) throw this.#error;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
