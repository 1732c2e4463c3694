import { at } from '../base/at.ts';
import type { HostMemory } from '../ggml/host-memory.ts';
import { type ReadonlyTokens, TokenList } from '../text/token-list.ts';
import { type KvPiece, type KvShape, kvAreas, kvPieces, type LayerAreas } from './kv-shape.ts';
import { type KvFile, KvStore, kvMemory } from './kv-store.ts';
import { canTrim } from './rows.ts';
import type { SpilledArea } from './spilled-area.ts';

/** A place for one sequence at a time. Its keys and values stay there until another sequence needs the place. */
export class SequenceCache implements Disposable {
  readonly kv: KvStore;
  /** The tokens whose keys and values are stored, from the first one on. */
  readonly tokens: TokenList = new TokenList();
  /** The number of them that belong to prompts and were computed in whole batches. */
  exact = 0;
  /**
   * The most tokens that were stored since the first one: where rows are taken in turns, they have overwritten others.
   */
  written = 0;
  /** The time of its last use; a counter. */
  lastUse = 0;
  readonly #memory: HostMemory;
  readonly #places: readonly LayerAreas[];

  /** An empty cache; `file` holds the keys and values that live on the SSD. Throws OUT_OF_MEMORY. */
  constructor(shape: KvShape, file?: KvFile) {
    const memory = kvMemory(shape);
    this.#memory = memory;
    this.#places = kvAreas(shape).layers;
    this.kv = new KvStore(shape, memory, file && { ...file, memory });
  }

  /** True if nothing lives on the SSD. */
  get inMemory(): boolean {
    return this.kv.layers.every(({ parts }) => parts.home === 'ram');
  }

  /**
   * Announces that `count` tokens are about to be stored: even if that fails, they may have taken the rows of others.
   */
  markWritten(count: number): void {
    this.written = Math.max(this.written, this.tokens.length + count);
  }

  /**
   * Records that `tokens` have been stored after those before; whole batches are `batch` of a prompt at once. Without
   * `batch`, they are not part of a prompt.
   */
  store(tokens: readonly number[], batch?: number): void {
    if (tokens.length === batch && this.exact === this.tokens.length) this.exact += batch;
    this.tokens.append(tokens);
    this.written = Math.max(this.written, this.tokens.length);
  }

  /**
   * Records that `tokens` have been copied here, in place of all others; `exact` and `written` are those of the copied
   * text.
   */
  assign(tokens: ReadonlyTokens, exact: number, written: number = tokens.length): void {
    this.tokens.truncate(0);
    this.tokens.append(tokens);
    this.exact = Math.min(exact, tokens.length);
    this.written = written;
    this.kv.invalidateSinks();
  }

  /** Forgets all but the first `tokens` tokens. */
  truncate(tokens: number): void {
    this.tokens.truncate(tokens);
    this.exact = Math.min(this.exact, tokens);
    if (this.tokens.length === 0) this.written = 0;
  }

  /**
   * Whether a text of which `written` tokens were stored in a place like this one can be continued after `length`
   * tokens.
   */
  canTrim(length: number, written: number = this.written): boolean {
    return this.kv.layers.every(({ rows }) => canTrim(rows, length, written));
  }

  /** The keys and values of the first `tokens` tokens, of which `shorter` tokens are needed. */
  pieces(tokens: number, shorter: number = tokens): readonly KvPiece[] {
    return kvPieces(this.kv.shape, tokens, shorter);
  }

  /** The bytes of a piece that lives in memory, shared. */
  view(piece: KvPiece): Uint8Array {
    const { layer, part, head, offset, length } = piece;
    const place = at(this.#places, layer);
    const area = part === 'sinks' ? place.sinks.k : at(place[part], head);
    return this.#memory.view(area.offset + offset, length);
  }

  /** The bytes of a piece, wherever it lives. Rejects with READ_FAILED, FILE_CHANGED. */
  async read(piece: KvPiece): Promise<Uint8Array> {
    return (await this.#spilled(piece)?.read(piece.offset, piece.length)) ?? this.view(piece);
  }

  /** Overwrites the first bytes of a piece with `bytes`. Rejects with WRITE_FAILED. */
  async write(piece: KvPiece, bytes: Uint8Array): Promise<void> {
    const spilled = this.#spilled(piece);
    if (spilled) await spilled.write(piece.offset, bytes);
    else this.view({ ...piece, length: bytes.length }).set(bytes);
  }

  #spilled({ layer, part, head }: KvPiece): SpilledArea | undefined {
    const { parts } = at(this.kv.layers, layer);
    return parts.home === 'ssd' && part !== 'sinks' ? at(parts[part], head) : undefined;
  }

  [Symbol.dispose](): void {
    this.kv[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}
