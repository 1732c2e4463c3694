import { alignUp } from '../base/bytes.ts';
import { HostMemory } from '../ggml/host-memory.ts';
import { pageBytes } from '../ggml/system.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';
import type { StatePiece, StoredText } from './layer-state.ts';
import {
  coveredBy,
  isSaved,
  longestPrefix,
  minSavedTokens,
  type PrefixMatch,
  type PrefixStore,
  type Usable,
} from './prefix.ts';
import type { SequenceCache } from './sequence-cache.ts';

interface Entry extends StoredText {
  readonly tokens: Int32Array;
  readonly memory: HostMemory;
  /** Bytes of the entry, its tokens included. */
  readonly bytes: number;
}

/** Keys and values of earlier texts, copied to memory of a fixed size; the one not used for longest makes room. */
export class PrefixMemory implements PrefixStore, Disposable {
  readonly #capacity: number;
  /** Entries in the order of last use. */
  readonly #entries: Set<Entry> = new Set();
  #bytes = 0;

  /** A store of `capacity` bytes. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get bytes(): number {
    return this.#bytes;
  }

  longestMatch(tokens: ReadonlyTokens, usable?: Usable): PrefixMatch | undefined {
    const best = longestPrefix(this.#entries, tokens, usable);
    if (!best) return undefined;
    // An entry to be restored must not be the one that makes room for the text whose cache it goes to.
    this.#use(best.entry);
    return this.#match(best.entry, best.length);
  }

  async save(cache: SequenceCache): Promise<void> {
    const { tokens } = cache;
    if (!cache.inMemory || !cache.canCopy || tokens.length < minSavedTokens || isSaved(this.#entries, cache)) return;
    const pieces = cache.pieces(tokens.length);
    const sum = pieces.reduce((bytes, piece) => bytes + piece.length, 0);
    const bytes = alignUp(sum + tokens.length * Int32Array.BYTES_PER_ELEMENT, pageBytes);
    if (bytes > this.#capacity) return;
    for (const entry of coveredBy(this.#entries, cache)) this.#drop(entry);
    for (const entry of this.#entries) {
      if (this.#bytes + bytes <= this.#capacity) break;
      this.#drop(entry);
    }
    const memory = copyOf(cache, pieces, alignUp(sum, pageBytes));
    if (!memory) return;
    const { scales, exact, written, snapshots } = cache;
    this.#entries.add({ tokens: Int32Array.from(tokens), scales, exact, written, snapshots, memory, bytes });
    this.#bytes += bytes;
  }

  [Symbol.dispose](): void {
    for (const entry of this.#entries) this.#drop(entry);
  }

  #match(entry: Entry, length: number): PrefixMatch {
    return {
      length,
      restore: async (cache, count) => {
        // Others may have taken its room since it was found.
        if (!this.#entries.has(entry)) return false;
        this.#use(entry);
        cache.truncate(0);
        let at = 0;
        for (const piece of cache.pieces(entry.tokens.length, count, entry.snapshots)) {
          if (piece.needed > 0) await cache.write(piece, entry.memory.view(at, piece.needed));
          at += piece.length;
        }
        cache.assign(entry.tokens.subarray(0, count), entry.exact, entry.written);
        return true;
      },
    };
  }

  #use(entry: Entry): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry);
    this.#bytes -= entry.bytes;
    entry.memory[Symbol.dispose]();
  }
}

/** A copy of the pieces; undefined if the system refuses the memory: nothing needs it. */
function copyOf(cache: SequenceCache, pieces: readonly StatePiece[], bytes: number): HostMemory | undefined {
  let memory: HostMemory;
  try {
    memory = new HostMemory(bytes, 'the prompt cache');
  } catch {
    return undefined;
  }
  let at = 0;
  for (const piece of pieces) {
    cache.copy(piece, memory.view(at, piece.length));
    at += piece.length;
  }
  return memory;
}
