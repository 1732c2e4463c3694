import type { Drafter } from './drafter.ts';

/** Tokens in a row that must have come before, in the same order, for what followed them to be proposed. */
const matched = 3;
/** Earlier places that are compared: the latest ones. */
const places = 8;

/** Guesses how a text goes on: by what followed the last time that its end came up. Costs no memory to speak of. */
export class NgramDrafter implements Drafter {
  readonly #tokens: number[] = [];
  /** Where each run of `matched` tokens ended, the latest last. */
  readonly #ends: Map<string, number[]> = new Map();

  accept(token: number): void {
    this.#tokens.push(token);
    const { length } = this.#tokens;
    if (length < matched) return;
    const key = this.#key(length);
    const ends = this.#ends.get(key);
    if (ends) {
      ends.push(length);
      if (ends.length > places + 1) ends.shift();
    } else this.#ends.set(key, [length]);
  }

  /** None if the end of the text is new. */
  propose(most: number): readonly number[] {
    const { length } = this.#tokens;
    if (length < matched || most === 0) return [];
    const ends = (this.#ends.get(this.#key(length)) ?? []).filter((end) => end < length);
    let best = -1;
    let longest = 0;
    for (const end of ends) {
      const same = this.#sameBefore(end);
      if (same >= longest) [best, longest] = [end, same];
    }
    if (best < 0) return [];
    // What repeats itself goes on doing so: behind the end of the text come the guesses themselves.
    return Array.from({ length: most }, (_, i) => this.#tokens[best + (i % (length - best))] ?? 0);
  }

  /** How many tokens before `end` are those before the end of the text, up to a number that tells enough. */
  #sameBefore(end: number): number {
    const enough = 32;
    const { length } = this.#tokens;
    let same = 0;
    while (same < enough && same < end && this.#tokens[end - 1 - same] === this.#tokens[length - 1 - same]) same += 1;
    return same;
  }

  #key(end: number): string {
    return this.#tokens.slice(end - matched, end).join(' ');
  }
}
