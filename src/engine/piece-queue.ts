import type { AnswerPart } from '../chat/answer-part.ts';
import type { Logprob } from './logprobs.ts';

/**
 * A piece of an answer as it comes: the next of the model's thoughts, then of its text, then of its calls. Whole
 * characters, none of a stop string.
 *
 * @example for await (const { text, token } of answer) console.log(token, text);
 */
export interface Piece extends AnswerPart {
  /** The token that completed the text; undefined for text that was held back until the end. */
  readonly token: number | undefined;
  /** Log-probability of `token`, if asked for. */
  readonly logprob?: Logprob | undefined;
}

/** Pieces that wait to be read before they are asOnePart. */
const mostLoose = 1024;

/** Parts that follow each other as one. */
export function asOnePart(parts: readonly AnswerPart[]): AnswerPart {
  const thinking = parts.map(({ thinking = '' }) => thinking).join('');
  const toolCalls = parts.flatMap(({ toolCalls = [] }) => toolCalls);
  return {
    text: parts.map(({ text }) => text).join(''),
    ...(thinking !== '' && { thinking }),
    ...(toolCalls.length > 0 && { toolCalls }),
  };
}

/** The pieces of an answer on their way to one reader, who may be slow. */
export class PieceQueue {
  readonly #pieces: Piece[] = [];
  /** Pieces at the end that may be asOnePart. */
  #loose = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => {};

  /** Where many pieces wait they are asOnePart: each takes more than its text. */
  push(piece: Piece): void {
    const pieces = this.#pieces;
    pieces.push(piece);
    this.#loose = piece.logprob ? 0 : Math.min(this.#loose + 1, pieces.length);
    if (this.#loose === mostLoose) {
      pieces.push({ ...piece, ...asOnePart(pieces.splice(-mostLoose)) });
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
