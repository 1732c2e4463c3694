import type { HostMemory } from '../ggml/host-memory.ts';
import { type KvShape, KvStore, kvAreas, kvMemory } from './store.ts';

/** A place for one sequence at a time. What it has stored stays there until another sequence needs the place. */
export class KvSlot implements Disposable {
  readonly kv: KvStore;
  /** Whose keys and values are stored, from the first one on. */
  readonly tokens: number[] = [];
  /** Of them, those of prompts that were computed in whole batches. */
  exact = 0;
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
  }

  /** The keys and values of `tokens` have been copied here, in the place of all others; `exact` as in `exact`. */
  hold(tokens: readonly number[], exact: number): void {
    this.tokens.length = 0;
    // As arguments, so many would not fit on the stack.
    for (const token of tokens) this.tokens.push(token);
    this.exact = Math.min(exact, tokens.length);
  }

  /** Forgets all but the first `tokens` tokens. */
  keep(tokens: number): void {
    this.tokens.length = Math.min(this.tokens.length, tokens);
    this.exact = Math.min(this.exact, tokens);
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
