import type { NamedTokens } from './program.ts';
import { controlByte } from './utf8.ts';

/** Parts of a vocabulary that grammars ask for. */
export interface GrammarVocabulary {
  readonly size: number;
  /** The bytes of a token; with `special` also of a control token: its name. */
  piece(token: number, options: { readonly special: boolean }): Uint8Array;
  isControl(token: number): boolean;
  isEndOfGeneration(token: number): boolean;
  tokenize(text: string, options: { readonly addSpecial: false; readonly parseSpecial: true }): readonly number[];
}

/** The bytes of a token as grammars see them: its text, or the mark and the name of a control token. */
export function grammarBytes(vocabulary: GrammarVocabulary, token: number): Uint8Array {
  const piece = vocabulary.piece(token, { special: true });
  // A byte that no text has, on its own, is no text either, and neither is a byte of zero.
  if (piece.length === 1 && (piece[0] === 0 || piece[0] === controlByte)) return new Uint8Array();
  return vocabulary.isControl(token) && piece.length > 0 ? Uint8Array.of(controlByte, ...piece) : piece;
}

/** The tokens of a vocabulary that grammars may name. It takes a tenth of a microsecond for each token to make. */
export class TokenNames implements NamedTokens {
  readonly #vocabulary: GrammarVocabulary;
  /** Names of control tokens by their first UTF-16 unit. */
  readonly #controls: Map<string, string[]> = new Map();

  constructor(vocabulary: GrammarVocabulary) {
    this.#vocabulary = vocabulary;
    for (let token = 0; token < vocabulary.size; token += 1) {
      if (!vocabulary.isControl(token)) continue;
      const name = Buffer.from(vocabulary.piece(token, { special: true })).toString();
      const names = this.#controls.get(name.charAt(0));
      if (names) names.push(name);
      else if (name !== '') this.#controls.set(name.charAt(0), [name]);
    }
  }

  controlAt(text: string, index: number): string | undefined {
    const names = this.#controls.get(text.charAt(index));
    return names?.reduce<string | undefined>(
      (longest, name) => (name.length > (longest?.length ?? 0) && text.startsWith(name, index) ? name : longest),
      undefined,
    );
  }

  named(token: number | string): Uint8Array | undefined {
    const { size } = this.#vocabulary;
    if (typeof token === 'number') return token < size ? grammarBytes(this.#vocabulary, token) : undefined;
    const [found, ...more] = this.#vocabulary.tokenize(token, { addSpecial: false, parseSpecial: true });
    return found === undefined || more.length > 0 ? undefined : grammarBytes(this.#vocabulary, found);
  }
}
