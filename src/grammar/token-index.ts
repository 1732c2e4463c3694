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
 * The tokens of a vocabulary in the order of their bytes, so that those with the same begin lie together: 10 bytes for
 * each, and its own. It takes some microseconds for each token to make.
 */
export class TokenIndex {
  readonly size: number;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  /** Bytes of the longest token. */
  readonly longest: number;
  readonly #vocabulary: GrammarVocabulary;
  /** The bytes of all tokens, and the place where those of each begin. */
  #bytes: Uint8Array;
  readonly #begins: Uint32Array;
  /** Tokens that have a text, in the order of their bytes; and the bytes that each begins with as the one before does. */
  readonly #sorted: Uint32Array;
  readonly #shared: Uint16Array;
  /** Names of control tokens by their first UTF-16 unit. */
  readonly #controls: Map<string, string[]> = new Map();

  constructor(vocabulary: GrammarVocabulary) {
    const { size } = vocabulary;
    this.size = size;
    this.#vocabulary = vocabulary;
    this.#bytes = new Uint8Array(8 * size);
    this.#begins = new Uint32Array(size + 1);
    const sorted = new Uint32Array(size);
    const ends: number[] = [];
    let [count, longest] = [0, 0];
    for (let token = 0; token < size; token += 1) {
      const length = this.#add(token);
      longest = Math.max(longest, length);
      if (vocabulary.isEndOfGeneration(token)) ends.push(token);
      else if (length > 0) {
        sorted[count] = token;
        count += 1;
      }
    }
    this.ends = ends;
    this.longest = longest;
    this.#bytes = this.#bytes.slice(0, this.#begins[size]);
    this.#sorted = sorted.slice(0, count).sort((a, b) => this.#compare(a, b));
    this.#shared = new Uint16Array(count);
    for (let i = 1; i < count; i += 1) this.#shared[i] = this.#sharedBegin(i - 1, i);
  }

  /** The bytes of a token as grammars see them: its text, or the mark and the name of a control token. */
  bytesOf(token: number): Uint8Array {
    return this.#bytes.subarray(this.#begins[token], this.#begins[token + 1]);
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
    for (let i = 0; i < this.#sorted.length; i += 1) {
      const shared = this.#shared[i] as number;
      // This token goes on with the byte that the tokens before it could not have.
      if (shared > alive) continue;
      const token = this.#sorted[i] as number;
      const begin = this.#begins[token] as number;
      const length = (this.#begins[token + 1] as number) - begin;
      alive = shared;
      while (alive < length) {
        const next = advance(states[alive] as S, this.#bytes[begin + alive] as number);
        if (next === undefined) break;
        alive += 1;
        states[alive] = next;
      }
      if (alive === length) set.add(token);
    }
  }

  /** Adds the bytes of the next token; returns their number. */
  #add(token: number): number {
    const piece = this.#vocabulary.piece(token, { special: true });
    const isControl = this.#vocabulary.isControl(token);
    if (isControl && piece.length > 0) this.#addControl(Buffer.from(piece).toString());
    // A byte that no text has, on its own, is no text either, and neither is a byte of zero.
    const isNothing = piece.length === 0 || (piece.length === 1 && (piece[0] === 0 || piece[0] === controlByte));
    const bytes = isNothing ? [] : isControl ? [controlByte, ...piece] : piece;
    const begin = this.#begins[token] as number;
    const end = begin + bytes.length;
    this.#begins[token + 1] = end;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, begin);
    return bytes.length;
  }

  #addControl(name: string): void {
    const first = name.charAt(0);
    const names = this.#controls.get(first);
    if (names) names.push(name);
    else this.#controls.set(first, [name]);
  }

  #compare(a: number, b: number): number {
    return Buffer.compare(this.bytesOf(a), this.bytesOf(b));
  }

  /** Bytes that the tokens at two places of the order begin with alike. */
  #sharedBegin(a: number, b: number): number {
    const [one, other] = [this.bytesOf(this.#sorted[a] as number), this.bytesOf(this.#sorted[b] as number)];
    let length = 0;
    while (length < one.length && one[length] === other[length]) length += 1;
    return Math.min(length, 0xffff);
  }
}
