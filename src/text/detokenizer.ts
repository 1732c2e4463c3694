import { TextDecoder } from 'node:util';
import type { PieceOptions, Vocabulary } from './vocabulary.ts';

/**
 * Turns tokens into text one by one, never half a character: bytes that do not end a character are held until they do,
 * and bytes that cannot become one are U+FFFD. The text is a continuation, so a first token keeps its leading space.
 * Control tokens are nothing unless `special` is asked for.
 */
export class Detokenizer {
  readonly #vocabulary: Pick<Vocabulary, 'piece'>;
  readonly #options: PieceOptions;
  /** The decoder, made for the first token: it takes memory that many waiting texts would not use yet. */
  #decoder: TextDecoder | undefined;

  constructor(vocabulary: Pick<Vocabulary, 'piece'>, options: PieceOptions = { special: false }) {
    this.#vocabulary = vocabulary;
    this.#options = options;
  }

  /** The text that is complete with this token; often empty. */
  push(token: number): string {
    this.#decoder ??= new TextDecoder('utf-8', { ignoreBOM: true });
    return this.#decoder.decode(this.#vocabulary.piece(token, this.#options), { stream: true });
  }

  /** The bytes that are still held, as U+FFFD. A new text may follow. */
  end(): string {
    return this.#decoder?.decode() ?? '';
  }
}
