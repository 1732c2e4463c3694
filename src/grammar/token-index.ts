import { controlByte } from './utf8.ts';

/** A set of tokens of a vocabulary. */
export class TokenSet {
  readonly #bits: Uint32Array;
  #size = 0;

  constructor(vocabulary: number) {
    this.#bits = new Uint32Array(Math.ceil(vocabulary / 32));
  }

  get size(): number {
    return this.#size;
  }

  has(token: number): boolean {
    return ((this.#bits[token >>> 5] as number) >>> (token & 31)) % 2 === 1;
  }

  /** Adds a token that is not in it. */
  add(token: number): void {
    this.#bits[token >>> 5] = (this.#bits[token >>> 5] as number) | (1 << (token & 31));
    this.#size += 1;
  }
}

/** Parts of a vocabulary that grammars ask for. */
export interface GrammarVocabulary {
  readonly size: number;
  /** The bytes of a token; with `special` also of a control token: its name. */
  piece(token: number, options: { readonly special: boolean }): Uint8Array;
  isControl(token: number): boolean;
  isEndOfGeneration(token: number): boolean;
  tokenize(text: string, options: { readonly addSpecial: false; readonly parseSpecial: true }): readonly number[];
}

/**
 * The tokens of a vocabulary in the order of their bytes, so that those with the same begin lie together: 12 bytes for
 * each, and its text. It takes some microseconds for each token to make.
 */
export class TokenIndex {
  readonly size: number;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  readonly #vocabulary: GrammarVocabulary;
  readonly #tokens: Uint32Array;
  /** The bytes of all tokens, in their order, and the place where those of each begin. */
  readonly #bytes: Uint8Array;
  readonly #begins: Uint32Array;
  /** Bytes that a token begins with as the one before it does. */
  readonly #shared: Uint16Array;
  /** Names of control tokens by their first UTF-16 unit. */
  readonly #controls: Map<string, string[]> = new Map();

  constructor(vocabulary: GrammarVocabulary) {
    const all = Array.from({ length: vocabulary.size }, (_, token) => token);
    this.size = vocabulary.size;
    this.ends = all.filter((token) => vocabulary.isEndOfGeneration(token));
    this.#vocabulary = vocabulary;
    const texts = all.map((token) => {
      const bytes = Buffer.from(this.bytesOf(token));
      if (bytes[0] === controlByte && bytes.length > 1) this.#addControl(bytes.toString('utf8', 1));
      // The mark alone is a control token without a name, or a byte that no text has.
      const isNothing = bytes[0] === controlByte && bytes.length === 1;
      return isNothing || vocabulary.isEndOfGeneration(token) ? '' : bytes.toString('latin1');
    });
    const text = (token: number): string => texts[token] as string;
    const sorted = all
      .filter((token) => text(token) !== '')
      .sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0));
    this.#tokens = Uint32Array.from(sorted);
    this.#bytes = Buffer.from(sorted.map(text).join(''), 'latin1');
    this.#begins = new Uint32Array(sorted.length + 1);
    this.#shared = new Uint16Array(sorted.length);
    for (const [i, token] of sorted.entries()) {
      this.#begins[i + 1] = (this.#begins[i] as number) + text(token).length;
      this.#shared[i] = i === 0 ? 0 : sharedBegin(text(sorted[i - 1] as number), text(token));
    }
  }

  /** The bytes of a token as grammars see them: its text, or the mark and the name of a control token. */
  bytesOf(token: number): Uint8Array {
    const bytes = this.#vocabulary.piece(token, { special: true });
    return this.#vocabulary.isControl(token) ? Uint8Array.of(controlByte, ...bytes) : bytes;
  }

  /** The longest name of a control token that the text has at `index`; undefined if there is none. */
  controlAt(text: string, index: number): string | undefined {
    const names = this.#controls.get(text.charAt(index));
    return names?.reduce<string | undefined>(
      (longest, name) => (name.length > (longest?.length ?? 0) && text.startsWith(name, index) ? name : longest),
      undefined,
    );
  }

  /** The bytes of the token with a number or a name; undefined if there is none. */
  named(token: number | string): Uint8Array | undefined {
    if (typeof token === 'number') return token < this.size ? this.bytesOf(token) : undefined;
    const [found, ...more] = this.#vocabulary.tokenize(token, { addSpecial: false, parseSpecial: true });
    return found === undefined || more.length > 0 ? undefined : this.bytesOf(found);
  }

  /**
   * Adds those tokens to `set` whose bytes lead from `start` to another state: `advance` gives the state after a byte.
   */
  collect<S>(set: TokenSet, start: S, advance: (state: S, byte: number) => S | undefined): void {
    /** States after the first bytes of the token at hand. */
    const states: S[] = [start];
    let alive = 0;
    for (let i = 0; i < this.#tokens.length; i += 1) {
      const begin = this.#begins[i] as number;
      const length = (this.#begins[i + 1] as number) - begin;
      const shared = this.#shared[i] as number;
      // This token goes on with the byte that the tokens before it could not have.
      if (shared > alive) continue;
      alive = shared;
      while (alive < length) {
        const next = advance(states[alive] as S, this.#bytes[begin + alive] as number);
        if (next === undefined) break;
        alive += 1;
        states[alive] = next;
      }
      if (alive === length) set.add(this.#tokens[i] as number);
    }
  }

  #addControl(name: string): void {
    const first = name.charAt(0);
    const names = this.#controls.get(first);
    if (names) names.push(name);
    else this.#controls.set(first, [name]);
  }
}

function sharedBegin(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length += 1;
  return Math.min(length, 0xffff);
}
