import type { Lease, WeightSource } from '../pager/weight-source.ts';
import type { Span } from './span.ts';
import type { StagedLayer, Staging } from './staging.ts';

/** A pass on its way through staged layers: each is waited for, and the layer before it is written back meanwhile. */
export class StagedPass {
  readonly #staging: Staging;
  readonly #source: WeightSource;
  readonly #spans: readonly Span[];
  #current: { readonly layer: StagedLayer; readonly lease: Lease } | undefined;
  /** Resolves when all layers that were left are back on the SSD. */
  #left: Promise<void> = Promise.resolve();

  private constructor(staging: Staging, source: WeightSource, spans: readonly Span[]) {
    this.#staging = staging;
    this.#source = source;
    this.#spans = spans;
  }

  static async begin(staging: Staging, source: WeightSource, spans: readonly Span[]): Promise<StagedPass> {
    await source.setReads(staging.reads);
    return new StagedPass(staging, source, spans);
  }

  /**
   * Waits for the next layer in order of use, once the one before is no longer needed. Rejects with READ_FAILED,
   * FILE_CHANGED.
   */
  async enter(index: number): Promise<void> {
    this.#leave();
    const layer = this.#staging.layers[index];
    if (!layer) throw new RangeError(`there is no staged layer ${index}`);
    const reads = layer.k.heads.length + layer.v.heads.length;
    if (!this.#source.hasNext(reads)) await this.#left;
    this.#current = { layer, lease: await this.#source.lease(reads) };
    this.#staging.arrived(layer);
  }

  /**
   * Ends the pass once all layers are computed: waits until what they stored is on the SSD. Rejects with WRITE_FAILED.
   */
  async end(): Promise<void> {
    this.#leave();
    await this.#left;
  }

  /**
   * Ends a failed pass: waits until nothing is written any more, and begins to read for the next one. Rejects with
   * WRITE_FAILED if bytes on their way to the SSD did not get there.
   */
  async abandon(): Promise<void> {
    // The current layer's bytes are not free before those of the layers that are still being written.
    this.#current = undefined;
    try {
      await this.#left;
    } finally {
      await this.#source.restart();
    }
  }

  #leave(): void {
    const { layer, lease } = this.#current ?? {};
    const span = layer && this.#spans[layer.span];
    this.#current = undefined;
    if (!layer || !lease || !span) return;
    const [before, stored] = [this.#left, this.#staging.stored(layer, span)];
    // Leases are disposed of in order, whichever write ends first.
    this.#left = Promise.allSettled([before, stored]).then(async () => {
      lease[Symbol.dispose]();
      await Promise.all([before, stored]);
    });
    this.#left.catch(() => {});
  }
}
