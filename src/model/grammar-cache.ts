import { EngineError } from '../base/errors.ts';

/** A grammar as a cache sees it. */
interface CachedGrammar {
  /** Bytes that it takes whatever it remembers. */
  readonly fixedBytes: number;
  /** Bounds the bytes that it remembers beside those. */
  allow(bytes: number): void;
}

interface Entry<G> {
  readonly grammar: G;
  /** Texts that use it. */
  users: number;
}

/** A grammar while a text uses it. */
export interface GrammarLease<G> extends Disposable {
  readonly grammar: G;
}

/** Grammars that stay beside those in use. */
const mostUnused = 4;

/**
 * Grammars by their keys, within one bound of bytes: those that texts use, and the last ones beside them. Three quarters of
 * it are for the grammars themselves; all have equal shares of the rest for what they remember.
 */
export class GrammarCache<G extends CachedGrammar> {
  readonly #bytes: number;
  /** In the order of their last use. */
  readonly #entries: Map<string, Entry<G>> = new Map();

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** The grammar of a key, made if it is not there; it stays where there is room. */
  get(key: string, make: () => G): G {
    const { grammar } = this.#touch(key, make);
    this.#share();
    return grammar;
  }

  /** The grammar of a key for a text; all texts with the same key share it. Throws GRAMMARS_FULL. */
  acquire(key: string, make: () => G): GrammarLease<G> {
    const entry = this.#touch(key, make);
    entry.users += 1;
    this.#share();
    const lease = { grammar: entry.grammar, [Symbol.dispose]: () => this.#release(entry) };
    if (this.#fixedBytes <= this.#mostFixed) return lease;
    this.#release(entry);
    throw new EngineError('GRAMMARS_FULL', { bytes: this.#mostFixed });
  }

  #touch(key: string, make: () => G): Entry<G> {
    const entry = this.#entries.get(key) ?? { grammar: make(), users: 0 };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #release(entry: Entry<G>): void {
    entry.users -= 1;
    this.#share();
  }

  get #mostFixed(): number {
    return 0.75 * this.#bytes;
  }

  get #fixedBytes(): number {
    return [...this.#entries.values()].reduce((sum, { grammar }) => sum + grammar.fixedBytes, 0);
  }

  /** Lets go of grammars that nobody uses, the oldest first, and divides what is left. */
  #share(): void {
    const unused = [...this.#entries].filter(([, { users }]) => users === 0);
    for (const [i, [key]] of unused.entries()) {
      if (unused.length - i <= mostUnused && this.#fixedBytes <= this.#mostFixed) break;
      this.#entries.delete(key);
    }
    const left = Math.max(0, this.#bytes - this.#fixedBytes);
    for (const { grammar } of this.#entries.values()) grammar.allow(left / this.#entries.size);
  }
}
