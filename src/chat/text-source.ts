import { openLength } from '../text/stop-matcher.ts';

/** A reading under way: a generator that yields where it needs more of the text. */
export type Reading<T> = Generator<undefined, T, undefined>;

/** The mark that stands first in `text`, and its place; undefined as long as one may stand before it. */
function firstMark(
  text: string,
  marks: readonly string[],
  goesOn: boolean,
): { readonly mark: string; readonly index: number } | undefined {
  let first: { readonly mark: string; readonly index: number } | undefined;
  for (const mark of marks) {
    const index = text.indexOf(mark);
    if (index >= 0 && (!first || index < first.index)) first = { mark, index };
  }
  return first && goesOn && text.length - openLength(text, marks) < first.index ? undefined : first;
}

/**
 * Text that is read while it arrives. Readings wait until they know: their result is the same however the text was cut.
 * No mark may be the begin of another.
 */
export class TextSource {
  /** Text from `#start` on. */
  #text = '';
  #start = 0;
  #ended = false;
  /** UTF-16 units before the next one. A reading may go back as far as the last `commit`. */
  position = 0;

  push(text: string): void {
    this.#text += text;
  }

  /** Ends the text: nothing more will come. */
  end(): void {
    this.#ended = true;
  }

  /** Drops the text before the position: no reading goes back behind it. */
  commit(): void {
    this.#text = this.#rest;
    this.#start = this.position;
  }

  /** The text that is there already, from the position on. */
  get #rest(): string {
    return this.#text.slice(this.position - this.#start);
  }

  /** Waits for text at the position; false at the end. */
  *more(): Reading<boolean> {
    while (this.position - this.#start >= this.#text.length) {
      if (this.#ended) return false;
      yield undefined;
    }
    return true;
  }

  /** The next character's UTF-16 unit, without moving; empty at the end. */
  *peek(): Reading<string> {
    return (yield* this.more()) ? this.#text.charAt(this.position - this.#start) : '';
  }

  /** Moves over one UTF-16 unit and returns it; empty at the end. */
  *next(): Reading<string> {
    const unit = yield* this.peek();
    this.position += unit.length;
    return unit;
  }

  /** Whether `word` stands here. */
  *at(word: string): Reading<boolean> {
    for (;;) {
      const there = this.#rest.slice(0, word.length);
      if (there === word) return true;
      if (this.#ended || !word.startsWith(there)) return false;
      yield undefined;
    }
  }

  /** Moves over `word` if it stands here. */
  *skip(word: string): Reading<boolean> {
    const there = yield* this.at(word);
    if (there) this.position += word.length;
    return there;
  }

  /** Moves over one of `words`; undefined if none stands here. */
  *skipAny(words: readonly string[]): Reading<string | undefined> {
    for (const word of words) if (yield* this.skip(word)) return word;
    return undefined;
  }

  /** Whether the text has ended here, or within one of `words`. */
  endsWithin(words: readonly string[]): boolean {
    return this.#ended && words.some((word) => word.startsWith(this.#rest));
  }

  /** Moves to the end of the text that is there. */
  skipRest(): void {
    this.position = this.#start + this.#text.length;
  }

  /** Moves over white space and returns it. */
  *space(): Reading<string> {
    return yield* this.while(/\s/);
  }

  /** Moves over the units that match and returns them. */
  *while(unit: RegExp): Reading<string> {
    let run = '';
    for (let next = yield* this.peek(); next !== '' && unit.test(next); next = yield* this.peek()) {
      run += next;
      this.position += 1;
    }
    return run;
  }

  /** Moves to the first of `marks`, handing over the text before it as it comes. Undefined where the text ends first. */
  *until(marks: readonly string[], take: (text: string) => void): Reading<string | undefined> {
    for (;;) {
      const rest = this.#rest;
      const first = firstMark(rest, marks, !this.#ended);
      const before = first?.index ?? rest.length - (this.#ended ? 0 : openLength(rest, marks));
      this.position += before;
      if (before > 0) take(rest.slice(0, before));
      if (first) return first.mark;
      if (this.#ended) return undefined;
      yield undefined;
    }
  }

  /** The text up to the first of `marks`, which is not moved over. Undefined if it has more than `most` units or no end. */
  *textUntil(marks: readonly string[], most: number): Reading<string | undefined> {
    let text = '';
    const start = this.position;
    for (;;) {
      const rest = this.#rest;
      const first = firstMark(rest, marks, !this.#ended);
      const before = first?.index ?? rest.length - (this.#ended ? 0 : openLength(rest, marks));
      text += rest.slice(0, before);
      this.position += before;
      if (text.length > most || (!first && this.#ended)) {
        this.position = start;
        return undefined;
      }
      if (first) return text;
      yield undefined;
    }
  }
}
