import type { DraftToken } from '../../sample/token-rng.ts';
import type { AcceptanceRate } from './draft-length.ts';
import type { Drafter } from './drafter.ts';
import type { NgramDrafter } from './ngram-drafter.ts';

/** Drafts by repetition where the end of the text has come before at length, else by a model. */
export class NgramOrModelDrafter implements Drafter {
  readonly #ngram: NgramDrafter;
  readonly #model: Drafter;

  constructor(ngram: NgramDrafter, model: Drafter) {
    this.#ngram = ngram;
    this.#model = model;
  }

  get acceptance(): AcceptanceRate {
    return this.#current.acceptance;
  }

  get cost(): number {
    return this.#current.cost;
  }

  accept(token: number): void {
    this.#ngram.accept(token);
    this.#model.accept(token);
  }

  propose(most: number): readonly DraftToken[] | Promise<readonly DraftToken[]> {
    return this.#current.propose(most);
  }

  [Symbol.dispose](): void {
    this.#ngram[Symbol.dispose]();
    this.#model[Symbol.dispose]();
  }

  get #current(): Drafter {
    return this.#ngram.hasMatch ? this.#ngram : this.#model;
  }
}
