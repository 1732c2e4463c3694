import { at } from '../base/at.ts';
import { commonPrefix, type Found, type PrefixStore } from '../kv/prefix.ts';
import type { KvSlot } from '../kv/slot.ts';
import type { KvStore } from '../kv/store.ts';
import type { ReadonlyTokens } from '../text/token-list.ts';

/** Tokens that a store must have more of than the slots before it is copied from. */
const worthCopying = 16;

/** A text whose keys and values are stored: see `KvSlot`. */
type Stored = Pick<KvSlot, 'exact' | 'written'>;

export interface SlotsOptions {
  /** Copies for sequences that lose their slot; looked up in this order. */
  readonly stores: readonly PrefixStore[];
  /**
   * A batch size for exact results: prompts are divided at its multiples and reused only as they were computed; else
   * undefined.
   */
  readonly exactBatch: number | undefined;
}

/** The slots for sequences, and the texts that were left in them. */
export class Slots {
  readonly all: readonly KvSlot[];
  readonly #options: SlotsOptions;
  readonly #taken: Set<KvSlot> = new Set();
  #clock = 0;

  constructor(all: readonly KvSlot[], options: SlotsOptions) {
    this.all = all;
    this.#options = options;
  }

  get free(): boolean {
    return this.#taken.size < this.all.length;
  }

  /**
   * A free slot for `prompt`, and how many of its tokens are stored there already: at most all but one, whose logits
   * are wanted. The rest of the slot's text is copied to a store first, if one has room.
   */
  async take(prompt: ReadonlyTokens): Promise<{ slot: KvSlot; cached: number }> {
    const free = this.all.filter((slot) => !this.#taken.has(slot));
    const usable = (length: number, text: Stored): number => this.#usable(prompt, length, text);
    const rated = free.map((slot) => ({ slot, length: usable(commonPrefix(slot.tokens, prompt), slot) }));
    const longest = Math.max(...rated.map(({ length }) => length));
    const copies = this.#options.stores.flatMap((store) => store.longest(prompt) ?? []);
    let best: { copy: Found; length: number } | undefined;
    for (const copy of copies) {
      const length = usable(copy.length, copy);
      if (length > (best?.length ?? longest + worthCopying)) best = { copy, length };
    }
    // Slots with most in common come first, or all if a copy has more; the one left alone for longest is taken.
    const candidates = best ? rated : rated.filter(({ length }) => length === longest);
    const { slot } = candidates.reduce((a, b) => (b.slot.used < a.slot.used ? b : a));
    this.#taken.add(slot);
    slot.used = ++this.#clock;
    if (commonPrefix(slot.tokens, prompt) < slot.tokens.length) await this.#keep(slot);
    if (best && (await best.copy.restore(slot, best.length))) return { slot, cached: best.length };
    const cached = usable(commonPrefix(slot.tokens, prompt), slot);
    slot.keep(cached);
    return { slot, cached };
  }

  /** Frees the slot of a sequence that has ended, once its text is stored where it outlives the process. */
  async release(slot: KvSlot, outlive?: PrefixStore): Promise<void> {
    await outlive?.keep(slot);
    this.#taken.delete(slot);
  }

  /** Forgets the texts that sequences have left in their slots. */
  forget(): void {
    for (const slot of this.all) if (!this.#taken.has(slot)) slot.keep(0);
  }

  async #keep(slot: KvSlot): Promise<void> {
    const [store] = this.#options.stores;
    await store?.keep(slot);
  }

  /**
   * The number of the `length` tokens that a stored text has in common with `prompt` from which it can be continued.
   */
  #usable(prompt: ReadonlyTokens, length: number, { exact, written }: Stored): number {
    const { exactBatch } = this.#options;
    const most = Math.max(0, Math.min(length, prompt.length - 1));
    const computedAlike = Math.min(most, exact);
    const usable = exactBatch === undefined ? most : computedAlike - (computedAlike % exactBatch);
    // All slots are alike.
    return at(this.all, 0).canTrim(usable, written) ? usable : 0;
  }
}

/** A store to compute on for measuring: the text in its slot is forgotten. */
export function scratch({ all }: Slots): KvStore {
  const slot = at(all, 0);
  slot.keep(0);
  return slot.kv;
}
