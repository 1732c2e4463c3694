import { at } from '../base/at.ts';
import type { ExpertRound, Routing } from '../plan/expert-cache.ts';
import { expertLength } from '../plan/routed-banks.ts';
import type { Home, Lease } from './block.ts';
import type { ExpertMatrix } from './expert-matrix.ts';

/**
 * The slots of one matrix, through which the rounds of a routing come in order: its blocks are numbers of rounds. A slot is
 * read into as soon as the round that used its last expert was freed.
 */
export class ExpertHome implements Home {
  readonly matrix: ExpertMatrix;
  bytesRead = 0;
  /** Hears of a lease that begins to wait, 1, and that ends, -1. */
  readonly #onWait: (change: 1 | -1) => void;
  /** The expert in each slot, all bytes of it; -1 where there is none. */
  readonly #held: Int32Array;
  #rounds: readonly ExpertRound[] = [];
  /** Reads of each round that have begun. */
  #reads: readonly Promise<void>[][] = [];
  /** The number of rounds that were freed. */
  #freed = 0;

  constructor(matrix: ExpertMatrix, onWait: (change: 1 | -1) => void) {
    this.matrix = matrix;
    this.#onWait = onWait;
    this.#held = new Int32Array(matrix.slots).fill(-1);
  }

  /** True if all rounds were freed, so that the slots hold the experts that the cache says. */
  get done(): boolean {
    return this.#freed === this.#rounds.length;
  }

  /** The expert in `slot`, all bytes of it; -1 if there is none. */
  expertIn(slot: number): number {
    return at(this.#held, slot);
  }

  /** Begins the rounds of `routing`, those of the one before being done. */
  begin({ rounds }: Routing): void {
    this.#rounds = rounds;
    this.#reads = rounds.map(() => []);
    this.#freed = 0;
  }

  /** Begins the reads of a round that wait for no other. */
  readAtOnce(round: number): void {
    this.#read(round, -1);
  }

  async lease(rounds: readonly number[]): Promise<Lease> {
    const round = at(rounds, 0);
    if (rounds.length > 1 || round !== this.#freed) throw new RangeError(`${rounds} is not the next round`);
    const present = this.#rounds;
    this.#onWait(1);
    await Promise.all(at(this.#reads, round)).finally(() => this.#onWait(-1));
    for (const { expert, slot } of at(present, round).experts) {
      if (this.expertIn(slot) !== expert)
        throw new Error(`slot ${slot} is not expert ${expert} but ${this.#held[slot]}`);
    }
    return {
      [Symbol.dispose]: () => {
        if (this.#rounds !== present) return;
        this.#freed = round + 1;
        for (const later of present.keys()) this.#read(later, round);
      },
    };
  }

  /** Waits until no read is under way. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#reads.flat());
  }

  /** Gives the rounds up, once no read is under way any more. */
  async abandon(): Promise<void> {
    await this.settled();
    this.#rounds = [];
    this.#freed = 0;
  }

  /** Begins the reads of `round` that have waited for the round `freed`. */
  #read(round: number, freed: number): void {
    const reads = at(this.#reads, round);
    for (const { expert, slot, after } of at(this.#rounds, round).loads) {
      if (after === freed) reads.push(this.#readInto(slot, expert));
    }
  }

  #readInto(slot: number, expert: number): Promise<void> {
    this.#held[slot] = -1;
    const read = this.matrix.read(expert, slot).then(() => {
      this.#held[slot] = expert;
      this.bytesRead += expertLength(this.matrix.weight);
    });
    // A lease has the error; until then nobody awaits it.
    read.catch(() => {});
    return read;
  }
}
