import { at } from '../../base/at.ts';
import { mostRemembered } from '../../runtime/text-bytes.ts';
import type { DraftToken } from '../../sample/token-rng.ts';
import { AcceptanceRate } from './draft-length.ts';
import type { Drafter } from './drafter.ts';

/** Length of a repetition, in tokens, after which the tokens that followed it before are drafted. */
const matched = 3;
/** Earlier places that are compared: the latest ones. */
const places = 8;
/** Longest repetition that is compared, in tokens. */
const enough = 32;

/**
 * Drafts by repetition: the tokens that followed the last time that the end of the text came up. Takes 16 to 32 bytes
 * for each token that it remembers.
 */
export class NgramDrafter implements Drafter {
  readonly acceptance: AcceptanceRate = new AcceptanceRate();
  readonly cost = 0;
  readonly #least: number;
  #length = 0;
  #tokens: Int32Array = new Int32Array(512);
  /** Places by hash of `matched` tokens: behind the last of them, the latest time; 0 if they never came. */
  #latest: Int32Array = new Int32Array(1024);
  /** Places by place: the one before with the same hash. */
  #before: Int32Array = new Int32Array(512);

  /** A drafter that proposes only where at least `least` tokens in a row came before. */
  constructor(least: number = matched) {
    this.#least = Math.max(matched, least);
  }

  accept(token: number): void {
    if (this.#length === this.#tokens.length) this.#grow();
    this.#tokens[this.#length] = token;
    this.#length += 1;
    this.#note(this.#length);
  }

  /** Bytes that its tables take. */
  get bytes(): number {
    return this.#tokens.byteLength + this.#latest.byteLength + this.#before.byteLength;
  }

  /** True if there is something to propose. */
  get hasMatch(): boolean {
    return this.#find() !== undefined;
  }

  /** Draft tokens; none if the end of the text is new. */
  propose(most: number): readonly DraftToken[] {
    const found = most > 0 ? this.#find() : undefined;
    if (found === undefined) return [];
    // A repetition goes on repeating: behind the end of the text come the draft tokens themselves.
    const period = this.#length - found;
    return Array.from({ length: most }, (_, i) => ({ token: at(this.#tokens, found + (i % period)) }));
  }

  [Symbol.dispose](): void {}

  /** The place, among the latest, with most tokens before it that are those before the end of the text. */
  #find(): number | undefined {
    let best: number | undefined;
    let longest = this.#least - 1;
    let end = this.#length > 0 ? at(this.#before, this.#length - 1) : 0;
    for (let seen = 0; end > 0 && seen < places; end = at(this.#before, end - 1)) {
      const same = this.#sameBefore(end);
      if (same > longest) [best, longest] = [end, same];
      // Others have the same hash by accident.
      if (same >= matched) seen += 1;
    }
    return best;
  }

  #sameBefore(end: number): number {
    let same = 0;
    while (same < enough && same < end && this.#tokens[end - 1 - same] === this.#tokens[this.#length - 1 - same]) {
      same += 1;
    }
    return same;
  }

  #note(end: number): void {
    if (end < matched) return;
    const hash = this.#hash(end);
    this.#before[end - 1] = at(this.#latest, hash);
    this.#latest[hash] = end;
  }

  #hash(end: number): number {
    let hash = 0;
    for (let i = end - matched; i < end; i += 1) hash = Math.imul(hash ^ at(this.#tokens, i), 0x9e3779b1);
    return (hash ^ (hash >>> 15)) & (this.#latest.length - 1);
  }

  #grow(): void {
    if (this.#length === mostRemembered) {
      this.#tokens.copyWithin(0, mostRemembered / 2);
      this.#length = mostRemembered / 2;
      this.#before.fill(0);
      this.#latest.fill(0);
    } else {
      const tokens = new Int32Array(2 * this.#length);
      tokens.set(this.#tokens);
      this.#tokens = tokens;
      this.#before = new Int32Array(2 * this.#length);
      this.#latest = new Int32Array(4 * this.#length);
    }
    for (let end = 1; end <= this.#length; end += 1) this.#note(end);
  }
}
