import type { HostMemory } from '../ggml/host-memory.ts';
import { canTrim } from './rows.ts';
import { type KvShape, kvAreas } from './shape.ts';
import { KvStore, kvMemory } from './store.ts';

/** A place for one sequence at a time. What it has stored stays there until another sequence needs the place. */
export class KvSlot implements Disposable {
  readonly kv: KvStore;
  /** Whose keys and values are stored, from the first one on. */
  readonly tokens: number[] = [];
  /** Of them, those of prompts that were computed in whole batches. */
  exact = 0;
  /** The most tokens that were stored since the first one: where rows are taken in turns, they have overwritten others. */
  written = 0;
  /** When it was last used; a counter. */
  used = 0;
  readonly #memory: HostMemory;

  /** Throws OUT_OF_MEMORY. */
  constructor(shape: KvShape) {
    this.#memory = kvMemory(shape);
    this.kv = new KvStore(shape, this.#memory);
  }

  /**
   * The keys and values of `tokens` have been stored after those before; whole batches are `batch` of a prompt at once.
   * Without `batch`, they are no prompt's.
   */
  store(tokens: readonly number[], batch?: number): void {
    if (tokens.length === batch && this.exact === this.tokens.length) this.exact += batch;
    this.tokens.push(...tokens);
    this.written = Math.max(this.written, this.tokens.length);
  }

  /** The keys and values of `tokens` have been copied here, in the place of all others; `exact` and `written` as theirs. */
  hold(tokens: readonly number[], exact: number, written: number = tokens.length): void {
    this.tokens.length = 0;
    // As arguments, so many would not fit on the stack.
    for (const token of tokens) this.tokens.push(token);
    this.exact = Math.min(exact, tokens.length);
    this.written = written;
    this.kv.unfollow();
  }

  /** Forgets all but the first `tokens` tokens. */
  keep(tokens: number): void {
    this.tokens.length = Math.min(this.tokens.length, tokens);
    this.exact = Math.min(this.exact, tokens);
    if (this.tokens.length === 0) this.written = 0;
  }

  /** Text of which `written` tokens were stored in a place like this one can be gone on from after `length` tokens. */
  canTrim(length: number, written: number = this.written): boolean {
    return this.kv.layers.every(({ rows }) => canTrim(rows, length, written));
  }

  /** The bytes of the first `tokens` tokens, in pieces, shared. */
  bytes(tokens: number): readonly Uint8Array[] {
    return kvAreas(this.kv.shape, tokens).map(({ offset, length }) => this.#memory.view(offset, length));
  }

  [Symbol.dispose](): void {
    this.kv[Symbol.dispose]();
    this.#memory[Symbol.dispose]();
  }
}
