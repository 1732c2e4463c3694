import { allSettled } from '../base/promises.ts';
import type { HitCurve } from '../plan/hit-curve.ts';
import type { Block, Lease, Need } from './block.ts';
import type { ExpertPool, ExpertStatistics } from './expert-pool.ts';
import type { LoadOptions, Residents } from './residents.ts';
import type { Ring } from './ring.ts';

/** The way of a pass through the pager. */
interface PassWay {
  /** Whether its experts count as those of a text; default: true. */
  readonly recorded?: boolean;
  /** Whether blocks are read while steps compute, or else only between them; default: true. */
  readonly beside?: boolean;
}

const numbersOf = (blocks: Need['blocks']): readonly number[] => (typeof blocks === 'function' ? blocks() : blocks);

/** The one way of bytes between the SSD and the steps of a pass: whatever a step waits for is leased here. */
export class Pager {
  /** Seconds that steps have waited. */
  stallSeconds = 0;
  readonly weightRing: Ring;
  readonly kvRing: Ring;
  readonly residents: Pick<Residents, 'loaded' | 'lease' | 'load' | 'stop'>;
  /** Experts that are not resident, by router. */
  readonly experts: readonly Pick<ExpertPool, 'touch' | 'settled' | 'abandon' | 'statistics' | 'cache'>[];
  #beside = true;

  constructor(homes: Pick<Pager, 'weightRing' | 'kvRing' | 'residents'> & Partial<Pick<Pager, 'experts'>>) {
    this.weightRing = homes.weightRing;
    this.kvRing = homes.kvRing;
    this.residents = homes.residents;
    this.experts = homes.experts ?? [];
  }

  /**
   * Loads the residents ahead of a pass, through the whole ring of the weights, whatever a pass that failed has left there.
   * Rejects with READ_FAILED, FILE_CHANGED, or the signal's reason.
   */
  async load(options: LoadOptions = {}): Promise<void> {
    await this.weightRing.follow([]);
    await this.#touch(options.signal);
    await this.residents.load(options);
  }

  /** Experts that were asked for so far, by router. */
  get expertStatistics(): readonly ExpertStatistics[] {
    return this.experts.map(({ statistics }) => statistics);
  }

  /** Hits that other numbers of slots would have had, by router. */
  get hitCurves(): readonly HitCurve[] {
    return this.experts.map(({ cache }) => cache.histogram.curve);
  }

  /** Begins a pass: blocks in a known order are read ahead. */
  async begin(
    reads: ReadonlyMap<Ring, readonly Block[]>,
    { recorded = true, beside = true }: PassWay = {},
  ): Promise<void> {
    this.#beside = beside;
    for (const { cache } of this.experts) cache.histogram.recording = recorded;
    for (const [ring, blocks] of reads) await ring.follow(blocks, beside);
    await this.#touch();
  }

  /** Waits until all blocks of `needs` are ready, and keeps them so until disposal. Rejects with READ_FAILED, FILE_CHANGED. */
  async lease(needs: readonly Need[]): Promise<Lease> {
    const began = performance.now();
    const requested = needs.map(({ home, blocks }) => home.lease(numbersOf(blocks)));
    const results = await Promise.allSettled(requested);
    if (!this.#beside) await this.#settled();
    this.stallSeconds += (performance.now() - began) / 1000;
    const leases = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    const dispose = (): void => {
      for (const lease of leases) lease[Symbol.dispose]();
    };
    try {
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      for (const lease of leases) await lease.prepare?.();
    } catch (error) {
      dispose();
      throw error;
    }
    return { [Symbol.dispose]: dispose };
  }

  /** Begins to write back blocks that a step has changed; their bytes stay until that has ended, and steps go on meanwhile. */
  store(writes: readonly { readonly home: Ring; readonly blocks: readonly number[] }[]): void {
    for (const { home, blocks } of writes) home.store(blocks);
  }

  /** Ends a pass: waits until its blocks are written back. Rejects with WRITE_FAILED. */
  async finish(): Promise<void> {
    await allSettled([this.weightRing.finish(), this.kvRing.finish(), this.residents.stop()]);
  }

  /** Gives a pass up: the next one begins with the first blocks. Rejects with WRITE_FAILED where stored bytes are lost. */
  async restart(): Promise<void> {
    const homes = [this.weightRing.restart(), this.kvRing.restart(), this.residents.stop()];
    await allSettled([...homes, ...this.experts.map((pool) => pool.abandon())]);
  }

  /** Waits until nothing is read or stored. */
  async #settled(): Promise<void> {
    const homes = [this.weightRing, this.kvRing, ...this.experts];
    await Promise.all(homes.map((home) => home.settled()));
  }

  /**
   * Waits until nothing is on its way to memory any more, uploads behind reads included, before that memory is freed. Blocks
   * that have not come do not matter then.
   */
  async settled(): Promise<void> {
    const homes = [this.weightRing.settled(), this.kvRing.settled(), this.residents.stop()];
    await Promise.allSettled([...homes, ...this.experts.map((pool) => pool.abandon())]);
  }

  /** Gives experts their memory, which takes 0.3 s a GiB. */
  async #touch(signal?: AbortSignal): Promise<void> {
    for (const pool of this.experts) {
      signal?.throwIfAborted();
      await pool.touch();
    }
  }
}
