/** Pieces that are joined at once. */
const piecesAtOnce = 1024;

/**
 * A text that comes in small pieces. Joined now and then, it takes little more than its characters: adding strings up
 * would keep every piece, and 32 bytes for each, until somebody looks at the text.
 */
export class LongText {
  readonly #parts: string[] = [];
  #pieces: string[] = [];

  push(piece: string): void {
    this.#pieces.push(piece);
    if (this.#pieces.length === piecesAtOnce) this.#join();
  }

  toString(): string {
    this.#join();
    return this.#parts.join('');
  }

  #join(): void {
    this.#parts.push(this.#pieces.join(''));
    this.#pieces = [];
  }
}
