import { at } from '../base/at.ts';
import type { Block, Home, Lease } from './block.ts';
import type { Reader } from './reader.ts';

const sameBytes = (a: Block, b: Block): boolean =>
  (['file', 'position', 'after', 'version'] as const).every((key) => a[key] === b[key]) &&
  (['buffer', 'byteOffset', 'byteLength'] as const).every((key) => a.into[key] === b.into[key]);

/**
 * Blocks that come round in a fixed order, pass after pass: each is read as soon as its bytes are free. The last ones of a
 * pass are followed by the first ones of the next.
 */
export class Ring implements Home {
  readonly #reader: Pick<Reader, 'read'>;
  #blocks: readonly Block[] = [];
  /** Numbers of blocks begun, leased and freed since the last start, pass after pass: the k-th is block k mod `length`. */
  #begun = 0;
  #leased = 0;
  #freed = 0;
  /** Numbers of blocks that were freed before an earlier one. */
  readonly #early = new Set<number>();
  /** Reads under way or done, by block. */
  readonly #reads: Promise<void>[] = [];
  /** True if blocks are read as soon as their bytes are free, otherwise only where one is leased that was not begun. */
  #beside = true;
  /** Reads under way. */
  readonly #reading = new Set<Promise<void>>();
  /** Stores under way, by k, and the first error of one. */
  readonly #stores = new Map<number, Promise<void>>();
  #failure: unknown;
  /** Number of starts: blocks that are freed later than the next start are none of its own. */
  #starts = 0;

  constructor(reader: Pick<Reader, 'read'>) {
    this.#reader = reader;
  }

  /** Blocks of a pass. */
  get length(): number {
    return this.#blocks.length;
  }

  /**
   * Reads `blocks` from now on, again and again. The same bytes as before are read on; for others the pass under way is
   * given up as by `restart`. Unless they are read `beside` what leases are held for, nothing is begun until one lacks blocks.
   */
  async follow(blocks: readonly Block[], beside = true): Promise<void> {
    const before = this.#blocks;
    const same = blocks.length === before.length && blocks.every((block, i) => sameBytes(block, at(before, i)));
    if (!same) await this.settled();
    this.#blocks = blocks;
    if (!same) await this.restart();
    this.#beside = beside;
  }

  /**
   * Waits until `blocks`, the next ones in order, are in place. No more may be leased at once than a quarter of the ring,
   * or one block.
   */
  async lease(blocks: readonly number[]): Promise<Lease> {
    const order = blocks.map((_, i) => this.#leased + i);
    if (order.some((k, i) => k % this.length !== blocks[i])) throw new RangeError(`${blocks} are not the next blocks`);
    this.#leased += blocks.length;
    for (const k of order) {
      while (k >= this.#begun) {
        this.#fill();
        if (k < this.#begun) break;
        if (this.#stores.size === 0) throw new RangeError('more is leased at once than the ring holds');
        await Promise.race(this.#stores.values());
      }
      await this.#reads[k % this.length];
    }
    return {
      prepare: async () => {
        await Promise.all(blocks.map((block) => at(this.#blocks, block).prepare?.()));
      },
      [Symbol.dispose]: () => {
        for (const k of order) this.#release(k);
      },
    };
  }

  /** Begins to store `blocks`, which are leased: their bytes are not free before that has ended. */
  store(blocks: readonly number[]): void {
    const last = this.#leased - 1;
    for (const block of blocks) {
      const k = last - ((last - block) % this.length);
      const store = (at(this.#blocks, block).store?.() ?? Promise.resolve()).catch((error: unknown) => {
        this.#failure ??= error;
      });
      this.#stores.set(
        k,
        store.finally(() => this.#stores.delete(k)),
      );
    }
  }

  /** Waits until all that can be read ahead has been read, and nothing is stored any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#reading, ...this.#stores.values()]);
  }

  /** Waits for the stores of a pass, and reads ahead for the next one. Rejects with the first error of a store, as WRITE_FAILED. */
  async finish(): Promise<void> {
    this.#beside = true;
    this.#fill();
    await Promise.all(this.#stores.values());
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }

  /** Gives up the pass under way, whose leases have been disposed: the next one is of the first blocks. Rejects like `finish`. */
  async restart(): Promise<void> {
    await this.settled();
    this.#reads.length = 0;
    this.#early.clear();
    this.#begun = this.#leased = this.#freed = 0;
    this.#starts += 1;
    this.#fill();
    await this.finish();
  }

  #release(k: number): void {
    const start = this.#starts;
    const free = (): void => {
      if (start !== this.#starts) return;
      this.#early.add(k);
      while (this.#early.delete(this.#freed)) this.#freed += 1;
      if (this.#beside) this.#fill();
    };
    const store = this.#stores.get(k);
    if (store) void store.then(free);
    else free();
  }

  #fill(): void {
    for (; this.length > 0; this.#begun += 1) {
      const block = at(this.#blocks, this.#begun % this.length);
      if (this.#begun - block.after >= this.#freed) return;
      const { file, into, position } = block;
      const read = 'bring' in into ? into.bring() : this.#reader.read(file, into, position);
      this.#reading.add(read);
      // A lease has the error; until then nobody awaits it.
      void read.catch(() => {}).then(() => this.#reading.delete(read));
      this.#reads[this.#begun % this.length] = read;
    }
  }
}
