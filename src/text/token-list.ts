/** Tokens for reading: arrays are such lists, too. `at` counts from the end where its index is negative. */
export interface ReadonlyTokens extends Iterable<number> {
  readonly length: number;
  at(index: number): number | undefined;
}

/** Tokens that get memory together: 4 KiB. */
const chunkTokens = 1024;

/**
 * The tokens of a text that grows, 4 bytes each. They lie in chunks, so that growing copies nothing and truncating frees
 * memory.
 */
export class TokenList implements ReadonlyTokens {
  readonly #chunks: Int32Array[] = [];
  #length = 0;

  /** A list of its own with the same tokens. */
  static from(tokens: ReadonlyTokens): TokenList {
    const list = new TokenList();
    list.append(tokens);
    return list;
  }

  get length(): number {
    return this.#length;
  }

  /** Bytes that its chunks take. */
  get bytes(): number {
    return this.#chunks.length * chunkTokens * Int32Array.BYTES_PER_ELEMENT;
  }

  at(index: number): number | undefined {
    const i = index < 0 ? this.#length + index : index;
    return i < this.#length ? this.#chunks[Math.floor(i / chunkTokens)]?.[i % chunkTokens] : undefined;
  }

  push(token: number): void {
    const at = this.#length % chunkTokens;
    if (at === 0) this.#chunks.push(new Int32Array(chunkTokens));
    const chunk = this.#chunks.at(-1);
    if (chunk) chunk[at] = token;
    this.#length += 1;
  }

  append(tokens: Iterable<number>): void {
    for (const token of tokens) this.push(token);
  }

  /** Forgets all but the first `length` tokens. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
    this.#chunks.length = Math.ceil(this.#length / chunkTokens);
  }

  /** Tokens `from` up to `to`, as far as they are there. */
  slice(from: number, to: number = this.#length): number[] {
    const tokens: number[] = [];
    for (let i = from; i < to; i += 1) {
      const token = this.at(i);
      if (token === undefined) break;
      tokens.push(token);
    }
    return tokens;
  }

  *[Symbol.iterator](): Iterator<number> {
    for (const [i, chunk] of this.#chunks.entries()) yield* chunk.subarray(0, this.#length - i * chunkTokens);
  }
}
