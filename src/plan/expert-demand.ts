import type { Weight } from '../gguf/weight.ts';
import { expertBufferBytes, expertBuffers, layTransit, slotBytes, workBytes } from './expert-slots.ts';
import type { ManifestEntry } from './manifest.ts';
import { expertLength, type RoutedBank, routedBanks } from './routed-banks.ts';

/** The experts of a model, and the memory that slots for some of them take. */
export class ExpertDemand {
  /** Banks by router, in order of use. */
  readonly banks: readonly RoutedBank[];
  readonly #weights: readonly Weight[];
  readonly #page: number;
  /** Bytes that reads go through. */
  readonly #buffers: number;
  /** Tokens of other sequences in a pass, and the most of one. */
  readonly #beside: number;
  readonly #decoded: number;

  /**
   * The experts of a manifest, which has some. In a pass are a batch of one sequence, and of each of the other `parallel`
   * ones a token and `ahead` draft tokens.
   */
  constructor(
    manifest: readonly ManifestEntry[],
    page: number,
    { parallel = 1, ahead = 0 }: { parallel?: number | undefined; ahead?: number | undefined } = {},
  ) {
    this.#decoded = 1 + ahead;
    this.#beside = (parallel - 1) * this.#decoded;
    this.banks = routedBanks(manifest);
    this.#weights = this.banks.flatMap(({ weights }) => weights);
    this.#page = page;
    this.#buffers = expertBuffers * expertBufferBytes(this.#weights.map(expertLength), page);
  }

  /** Experts of the largest bank. */
  get most(): number {
    return Math.max(...this.banks.map(({ experts }) => experts));
  }

  /** Bytes for `slots` in each bank, and for the pairs of passes with `batch` tokens of a sequence on their way through them. */
  bytes(slots: number, batch: number): number {
    const used = Math.max(...this.banks.map((bank) => bank.used));
    const pass = { tokens: Math.max(batch, this.#decoded) + this.#beside, used };
    const passing = layTransit(this.#weights, pass).bytes + workBytes(slots, pass);
    return slotBytes(this.banks, slots, this.#page) + this.#buffers + passing;
  }

  /** The most slots, one at least, for which `fits` is true; it is for fewer ones, too. */
  mostSlots(fits: (slots: number) => boolean): number {
    let [least, most] = [1, this.most];
    while (least < most) {
      const slots = Math.ceil((least + most) / 2);
      if (fits(slots)) least = slots;
      else most = slots - 1;
    }
    return least;
  }
}
