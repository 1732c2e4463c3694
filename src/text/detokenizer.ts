import { TextDecoder } from 'node:util';
import type { Vocabulary } from './vocabulary.ts';

const none: ReadonlySet<number> = new Set();

/**
 * Turns tokens into text one by one, never half a character: bytes that do not end a character are held until they do,
 * and bytes that cannot become one are U+FFFD. The text is a continuation, so a first token keeps its leading space.
 * Control tokens are nothing unless they are `shown`, by name.
 */
export class Detokenizer {
  readonly #vocabulary: Pick<Vocabulary, 'piece'>;
  readonly #shown: ReadonlySet<number>;
  /** The decoder, made for the first token: it takes memory that many waiting texts would not use yet. */
  #decoder: TextDecoder | undefined;

  constructor(vocabulary: Pick<Vocabulary, 'piece'>, shown: ReadonlySet<number> = none) {
    this.#vocabulary = vocabulary;
    this.#shown = shown;
  }

  /** The text that is complete with this token; often empty. */
  push(token: number): string {
    this.#decoder ??= new TextDecoder('utf-8', { ignoreBOM: true });
    return this.#decoder.decode(this.#vocabulary.piece(token, { special: this.#shown.has(token) }), { stream: true });
  }

  /** The bytes that are still held, as U+FFFD. A new text may follow. */
  end(): string {
    return this.#decoder?.decode() ?? '';
  }
}
