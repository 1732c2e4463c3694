import { AcceptanceRate } from '../../src/engine/draft/draft-length.ts';
import type { Drafter } from '../../src/engine/draft/drafter.ts';
import type { DraftToken } from '../../src/sample/token-rng.ts';
import { randomNumbers } from './random.ts';

/** Gives at most `most` drafts where `answered` tokens of the answer are known. */
export type DraftScript = (most: number, answered: number) => readonly number[];

/** Drafts what it is told to. */
export class ScriptedDrafter implements Drafter {
  readonly acceptance: AcceptanceRate = new AcceptanceRate();
  readonly cost = 0;
  /** Tokens that were taken from it. */
  proposed = 0;
  readonly #script: DraftScript;
  #answered: number;

  /** For a prompt of so many tokens. */
  constructor(prompt: number, script: DraftScript) {
    this.#answered = -prompt;
    this.#script = script;
  }

  accept(): void {
    this.#answered += 1;
  }

  propose(most: number): readonly DraftToken[] {
    const drafts = this.#script(most, this.#answered);
    this.proposed += drafts.length;
    return drafts.map((token) => ({ token }));
  }

  [Symbol.dispose](): void {}
}

/** Drafts `answer`. */
export const rightOf =
  (answer: readonly number[]): DraftScript =>
  (most, answered) =>
    answer.slice(answered, answered + most);

/** As many drafts, all wrong. */
export const wrongOf =
  (answer: readonly number[]): DraftScript =>
  (most, answered) =>
    Array.from({ length: most }, (_, i) => (answer[answered + i] === 97 ? 98 : 97));

/** Any number of drafts, of which the share `right` are those of `answer`, and the others any of `tokens`. */
export function mixOf(answer: readonly number[], right: number, tokens: readonly number[], seed: number): DraftScript {
  const random = randomNumbers(seed);
  const any = (count: number): number => Math.floor(count * random());
  return (most, answered) =>
    Array.from({ length: any(most + 1) }, (_, i) => {
      const other = tokens[any(tokens.length)] ?? 0;
      return random() < right ? (answer[answered + i] ?? other) : other;
    });
}
