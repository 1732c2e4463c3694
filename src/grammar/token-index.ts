import { type GrammarVocabulary, grammarBytes } from './token-names.ts';

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

  get bytes(): number {
    return this.#bits.byteLength;
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

/** Tokens that are looked at, or put in order, without a break. */
const oneSlice = 1024;

/**
 * The tokens of a vocabulary in the order of their bytes, so that those with the same begin lie together: 10 bytes for
 * each, and its own.
 */
export class TokenIndex {
  readonly size: number;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  /** Bytes of the longest token. */
  readonly longest: number;
  /** The bytes of all tokens, and the place where those of each begin. */
  readonly #bytes: Uint8Array;
  readonly #begins: Uint32Array;
  /** Tokens that have a text, in the order of their bytes; and the bytes that each begins with as the one before does. */
  readonly #sorted: Uint32Array;
  readonly #shared: Uint16Array;

  private constructor({ bytes, begins, ends, longest }: TokenBytes, sorted: Uint32Array, shared: Uint16Array) {
    this.size = begins.length - 1;
    this.ends = ends;
    this.longest = longest;
    this.#bytes = bytes;
    this.#begins = begins;
    this.#sorted = sorted;
    this.#shared = shared;
  }

  /** The index of a vocabulary, made at once: a microsecond or two for each token. */
  static of(vocabulary: GrammarVocabulary): TokenIndex {
    const building = TokenIndex.build(vocabulary);
    let step = building.next();
    while (!step.done) step = building.next();
    return step.value;
  }

  /** Makes the index of a vocabulary in slices of about a millisecond. */
  static *build(vocabulary: GrammarVocabulary): Generator<void, TokenIndex, void> {
    const texts = yield* tokenBytes(vocabulary);
    const sorted = yield* sortedTokens(texts);
    const shared = new Uint16Array(sorted.length);
    for (let i = 1; i < sorted.length; i += 1) {
      if (i % oneSlice === 0) yield;
      shared[i] = Math.min(sharedBegin(texts, sorted[i - 1] as number, sorted[i] as number), 0xffff);
    }
    return new TokenIndex(texts, sorted, shared);
  }

  /** The bytes of a token as grammars see them: its text, or the mark and the name of a control token. */
  bytesOf(token: number): Uint8Array {
    return this.#bytes.subarray(this.#begins[token], this.#begins[token + 1]);
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
}

/** The bytes of the tokens of a vocabulary, one after the other, as grammars see them. */
interface TokenBytes {
  readonly bytes: Uint8Array;
  /** The place where those of each token begin, and the end of all (size + 1). */
  readonly begins: Uint32Array;
  /** Tokens that end an answer. */
  readonly ends: readonly number[];
  /** Bytes of the longest token. */
  readonly longest: number;
}

function* tokenBytes(vocabulary: GrammarVocabulary): Generator<void, TokenBytes, void> {
  const { size } = vocabulary;
  const begins = new Uint32Array(size + 1);
  const ends: number[] = [];
  let [bytes, end, longest] = [new Uint8Array(8 * size), 0, 0];
  for (let token = 0; token < size; token += 1) {
    if (token % oneSlice === 0) yield;
    if (vocabulary.isEndOfGeneration(token)) ends.push(token);
    const text = grammarBytes(vocabulary, token);
    begins[token] = end;
    if (end + text.length > bytes.length) {
      const larger = new Uint8Array(2 * (end + text.length));
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(text, end);
    end += text.length;
    longest = Math.max(longest, text.length);
  }
  begins[size] = end;
  return { bytes: bytes.slice(0, end), begins, ends, longest };
}

/** The tokens that have a text and do not end an answer, in the order of their bytes. */
function* sortedTokens(texts: TokenBytes): Generator<void, Uint32Array, void> {
  const { bytes, begins, ends } = texts;
  const size = begins.length - 1;
  const isEnd = new Set(ends);
  /** The first two bytes of a token; -1 if it is left out. A second byte that is missing comes before all others. */
  const groupOf = (token: number): number => {
    const begin = begins[token] as number;
    const length = (begins[token + 1] as number) - begin;
    if (length === 0 || isEnd.has(token)) return -1;
    return (bytes[begin] as number) * 257 + (length > 1 ? (bytes[begin + 1] as number) + 1 : 0);
  };
  // A place for each group, behind the places of those before it.
  const places = new Uint32Array(256 * 257 + 1);
  for (let token = 0; token < size; token += 1) {
    if (token % oneSlice === 0) yield;
    const group = groupOf(token);
    if (group >= 0) places[group + 1] = (places[group + 1] as number) + 1;
  }
  for (let group = 1; group < places.length; group += 1) {
    places[group] = (places[group] as number) + (places[group - 1] as number);
  }
  const sorted = new Uint32Array(places.at(-1) as number);
  const free = places.slice();
  for (let token = 0; token < size; token += 1) {
    if (token % oneSlice === 0) yield;
    const group = groupOf(token);
    if (group < 0) continue;
    sorted[free[group] as number] = token;
    free[group] = (free[group] as number) + 1;
  }
  let done = 0;
  for (let group = 0; group + 1 < places.length; group += 1) {
    const [first, end] = [places[group] as number, places[group + 1] as number];
    if (end - first > 1) sorted.subarray(first, end).sort((a, b) => compare(texts, a, b));
    if (end - done < oneSlice) continue;
    done = end;
    yield;
  }
  return sorted;
}

function compare(texts: TokenBytes, a: number, b: number): number {
  const { bytes, begins } = texts;
  const shared = sharedBegin(texts, a, b);
  const [one, other] = [(begins[a] as number) + shared, (begins[b] as number) + shared];
  if (one === begins[a + 1]) return other === begins[b + 1] ? 0 : -1;
  return other === begins[b + 1] ? 1 : (bytes[one] as number) - (bytes[other] as number);
}

/** Bytes that two tokens begin with alike. */
function sharedBegin({ bytes, begins }: TokenBytes, a: number, b: number): number {
  const [one, other] = [begins[a] as number, begins[b] as number];
  const most = Math.min((begins[a + 1] as number) - one, (begins[b + 1] as number) - other);
  let length = 0;
  while (length < most && bytes[one + length] === bytes[other + length]) length += 1;
  return length;
}
