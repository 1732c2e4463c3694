import { at } from '../base/at.ts';
import { Disposer } from '../base/disposer.ts';
import type { Weight } from '../gguf/weight.ts';
import { ExpertCache, type RoutedBatch, type Routing } from '../plan/expert-cache.ts';
import { ExpertHome } from './expert-home.ts';
import { ExpertMatrix, type ExpertPoolParts } from './expert-matrix.ts';

/** Experts of a layer so far; one that several tokens of a batch use counts once. */
export interface ExpertStatistics {
  readonly asked: number;
  /** Those that were in slots when they were asked for. */
  readonly hits: number;
  readonly bytesRead: number;
  /** Seconds in which a step waited for reads. */
  readonly waited: number;
}

/**
 * Slots for the experts of one router: the same ones in each of its matrices, such as gate, up and down. Experts are read
 * when they are asked for and not there, ahead of all that is read in a known order; `cache` chooses those that they
 * overwrite.
 */
export class ExpertPool implements Disposable {
  readonly cache: ExpertCache;
  /** Homes of the matrices, in their order of use. */
  readonly homes: readonly ExpertHome[];
  /** Hears of every batch that is routed. */
  onRoute: ((batch: RoutedBatch, routing: Routing) => void) | undefined;
  readonly #owner = new Disposer();
  #touched = false;
  #asked = 0;
  #hits = 0;
  /** Milliseconds of waiting up to the last time that no lease waited; leases that wait, and the time since which some do. */
  #waited = 0;
  #waiting = 0;
  #waitingSince = 0;

  /** A pool of `slots`, or of as many as there are experts, for matrices (in, out, experts). Throws OUT_OF_MEMORY. */
  constructor(weights: readonly Weight[], slots: number, parts: ExpertPoolParts) {
    const experts = at(at(weights, 0).shape, 2);
    this.cache = new ExpertCache(experts, Math.min(slots, experts));
    try {
      this.homes = weights.map((weight, i) => {
        const options = { slots: this.cache.slots, last: i === weights.length - 1 };
        const matrix = this.#owner.use(new ExpertMatrix(weight, options, parts));
        return new ExpertHome(matrix, (change) => this.#wait(change));
      });
    } catch (error) {
      this.#owner[Symbol.dispose]();
      throw error;
    }
  }

  get statistics(): ExpertStatistics {
    return {
      asked: this.#asked,
      hits: this.#hits,
      bytesRead: this.homes.reduce((sum, { bytesRead }) => sum + bytesRead, 0),
      waited: (this.#waited + (this.#waiting > 0 ? performance.now() - this.#waitingSince : 0)) / 1000,
    };
  }

  /** Has the system give the memory, unless that was done before or experts are there already. */
  async touch(): Promise<void> {
    if (this.#touched) return;
    this.#touched = true;
    for (const { matrix } of this.homes) await matrix.touch();
  }

  /**
   * Says in which rounds a batch is computed, and begins to read for it. Each matrix then goes through all of them. Throws
   * a RangeError for ids that are no experts.
   */
  route(batch: RoutedBatch): Routing {
    if (!this.homes.every(({ done }) => done)) throw new Error('the batch before is under way');
    const routing = this.cache.route(batch);
    this.#touched = true;
    this.#asked += routing.asked;
    this.#hits += routing.hits;
    for (const home of this.homes) home.begin(routing);
    for (const round of routing.rounds.keys()) for (const home of this.homes) home.readAtOnce(round);
    this.onRoute?.(batch, routing);
    return routing;
  }

  /** Waits until no expert is being read. */
  async settled(): Promise<void> {
    await Promise.all(this.homes.map((home) => home.settled()));
  }

  /** Gives the present batch up: slots in which not all matrices have the same expert are empty then. */
  async abandon(): Promise<void> {
    await Promise.all(this.homes.map((home) => home.abandon()));
    for (let slot = 0; slot < this.cache.slots; slot += 1) {
      const expert = this.cache.expertIn(slot);
      if (this.homes.some((home) => home.expertIn(slot) !== expert)) this.cache.clear(slot);
    }
  }

  #wait(change: 1 | -1): void {
    if (this.#waiting === 0) this.#waitingSince = performance.now();
    this.#waiting += change;
    if (this.#waiting === 0) this.#waited += performance.now() - this.#waitingSince;
  }

  /** Frees the memory: no read is under way any more. */
  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }
}
