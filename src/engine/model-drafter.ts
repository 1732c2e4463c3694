import type { KvSlot } from '../kv/slot.ts';
import { Acceptance } from '../plan/depth.ts';
import type { Guess } from '../sample/chance.ts';
import { TokenList } from '../text/token-list.ts';
import type { DraftEngine, DraftRequest } from './draft-engine.ts';
import type { Drafter } from './drafter.ts';

/** The token that stands for those that the draft model does not have. */
const unknown = 0;

/** Drafts by a smaller model, which keeps keys and values of its own. */
export class ModelDrafter implements Drafter {
  readonly acceptance: Acceptance = new Acceptance();
  readonly #engine: DraftEngine;
  readonly #guess: DraftRequest['guess'];
  readonly #text: TokenList = new TokenList();
  #slot: KvSlot | undefined;
  #gone = false;
  #proposing: Promise<unknown> = Promise.resolve();

  constructor(engine: DraftEngine, guess: DraftRequest['guess']) {
    this.#engine = engine;
    this.#guess = guess;
  }

  get cost(): number {
    return this.#engine.cost;
  }

  accept(token: number): void {
    this.#text.push(token < this.#engine.vocabulary ? token : unknown);
  }

  /** Draft tokens; none if the text is longer than the model's context. Rejects with the errors of a pass. */
  propose(most: number): Promise<readonly Guess[]> {
    const proposed = this.#propose(Math.min(most, this.#engine.context - this.#text.length + 1));
    this.#proposing = proposed.catch(() => {});
    return proposed;
  }

  [Symbol.dispose](): void {
    this.#gone = true;
    void this.#proposing.then(() => {
      if (this.#slot) this.#engine.release(this.#slot);
    });
  }

  async #propose(most: number): Promise<readonly Guess[]> {
    if (most < 1) return [];
    this.#slot ??= await this.#engine.take(this.#text);
    if (!this.#slot || this.#gone) return [];
    const gone = (): boolean => this.#gone;
    return this.#engine.propose({ slot: this.#slot, text: this.#text, most, guess: this.#guess, gone });
  }
}
