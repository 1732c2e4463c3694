import type { DraftToken } from '../../sample/token-rng.ts';
import type { SequenceCache } from '../../state/sequence-cache.ts';
import { TokenList } from '../../text/token-list.ts';
import type { DraftEngine, DraftRequest } from './draft-engine.ts';
import { AcceptanceRate } from './draft-length.ts';
import type { Drafter } from './drafter.ts';

/** The token that stands for those that the draft model does not have. */
const unknown = 0;

/** Drafts by a smaller model, which keeps keys and values of its own. */
export class ModelDrafter implements Drafter {
  readonly acceptance: AcceptanceRate = new AcceptanceRate();
  readonly #engine: DraftEngine;
  readonly #draft: DraftRequest['draft'];
  readonly #text: TokenList = new TokenList();
  #cache: SequenceCache | undefined;
  #disposed = false;
  #proposing: Promise<unknown> = Promise.resolve();

  constructor(engine: DraftEngine, draft: DraftRequest['draft']) {
    this.#engine = engine;
    this.#draft = draft;
  }

  get cost(): number {
    return this.#engine.cost;
  }

  accept(token: number): void {
    this.#text.push(token < this.#engine.vocabulary ? token : unknown);
  }

  /** Draft tokens; none if the text is longer than the model's context. Rejects with the errors of a pass. */
  propose(most: number): Promise<readonly DraftToken[]> {
    const proposed = this.#propose(Math.min(most, this.#engine.context - this.#text.length + 1));
    this.#proposing = proposed.catch(() => {});
    return proposed;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    void this.#proposing.then(() => {
      if (this.#cache) this.#engine.release(this.#cache);
    });
  }

  async #propose(most: number): Promise<readonly DraftToken[]> {
    if (most < 1) return [];
    this.#cache ??= await this.#engine.acquire(this.#text);
    if (!this.#cache || this.#disposed) return [];
    const cancelled = (): boolean => this.#disposed;
    return this.#engine.propose({ cache: this.#cache, text: this.#text, most, draft: this.#draft, cancelled });
  }
}
