import { HostMemory } from '../ggml/host-memory.ts';
import { commonPrefix, type Found, leastKept, longestPrefix, type PrefixStore } from './prefix.ts';
import type { KvSlot } from './slot.ts';

interface Entry {
  readonly tokens: readonly number[];
  readonly exact: number;
  readonly memory: HostMemory;
}

/** Keys and values of earlier texts, copied to memory of a fixed size; the one not used for longest makes room. */
export class PrefixMemory implements PrefixStore, Disposable {
  readonly #capacity: number;
  /** In the order of last use. */
  readonly #entries: Set<Entry> = new Set();
  #bytes = 0;

  /** `capacity` is bytes. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get bytes(): number {
    return this.#bytes;
  }

  longest(tokens: readonly number[]): Found | undefined {
    const best = longestPrefix(this.#entries, tokens);
    return best && this.#found(best.entry, best.length);
  }

  async keep(slot: KvSlot): Promise<void> {
    const { tokens } = slot;
    const known = longestPrefix(this.#entries, tokens);
    if (tokens.length < leastKept || known?.length === tokens.length) return;
    const pieces = slot.bytes(tokens.length);
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    if (bytes > this.#capacity) return;
    for (const entry of this.#entries) {
      const covered = commonPrefix(entry.tokens, tokens) === entry.tokens.length;
      if (covered) this.#drop(entry);
    }
    for (const entry of this.#entries) {
      if (this.#bytes + bytes <= this.#capacity) break;
      this.#drop(entry);
    }
    const memory = new HostMemory(bytes, 'the prompt cache');
    let at = 0;
    for (const piece of pieces) {
      memory.view(at, piece.length).set(piece);
      at += piece.length;
    }
    this.#entries.add({ tokens: [...tokens], exact: slot.exact, memory });
    this.#bytes += memory.bytes;
  }

  [Symbol.dispose](): void {
    for (const entry of this.#entries) this.#drop(entry);
  }

  #found(entry: Entry, length: number): Found {
    return {
      length,
      exact: entry.exact,
      restore: (slot, wanted) => {
        const whole = slot.bytes(entry.tokens.length);
        let at = 0;
        for (const [i, into] of slot.bytes(wanted).entries()) {
          into.set(entry.memory.view(at, into.length));
          at += whole[i]?.length ?? 0;
        }
        this.#entries.delete(entry);
        this.#entries.add(entry);
        slot.tokens.splice(0, slot.tokens.length, ...entry.tokens.slice(0, wanted));
        slot.exact = Math.min(entry.exact, wanted);
        return Promise.resolve(true);
      },
    };
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry);
    this.#bytes -= entry.memory.bytes;
    entry.memory[Symbol.dispose]();
  }
}
