import { openLength } from '../text/stop-matcher.ts';
import type { AnswerPart, PartReader } from './answer-part.ts';
import type { ThoughtTags } from './thought-tags.ts';

interface ThoughtReaderOptions {
  readonly tags: ThoughtTags;
  /** True if the prompt has opened the thoughts already. */
  readonly opened: boolean;
  /** True if it has begun the answer, or its thoughts. */
  readonly begun: boolean;
  /** Texts that end thoughts as well, and belong to what follows: calls of tools. */
  readonly interrupts?: readonly string[];
}

const part = (text: string): readonly AnswerPart[] => (text === '' ? [] : [{ text: '', thinking: text }]);

/** The tag that stands first in a text, and its place. */
const firstOf = (text: string, tags: readonly string[]): { readonly tag: string; readonly at: number } | undefined =>
  tags
    .map((tag) => ({ tag, at: text.indexOf(tag) }))
    .filter(({ at }) => at >= 0)
    .sort((one, other) => one.at - other.at)[0];

/**
 * Takes the thoughts off an answer, at its begin or wherever their tags allow them, and gives the rest to another reader.
 * Blanks around thoughts at the begin belong to neither.
 */
export class ThoughtReader implements PartReader {
  readonly #tags: ThoughtTags;
  readonly #interrupts: readonly string[];
  readonly #rest: PartReader;
  /** Place in the answer; `opened` until the first character of thoughts. */
  #place: 'begin' | 'opened' | 'thoughts' | 'closed' | 'rest';
  /** True once the model has opened thoughts that the prompt had opened. */
  #repeated = false;
  /** Text that may be a part of a tag, or blanks before one. */
  #held = '';
  /** True once there was content. */
  #answers = false;

  /** A reader that gives what follows the thoughts to `rest`. */
  constructor({ tags, opened, begun, interrupts = [] }: ThoughtReaderOptions, rest: PartReader) {
    this.#tags = tags;
    this.#interrupts = interrupts;
    this.#rest = rest;
    this.#place = opened ? (begun ? 'thoughts' : 'opened') : begun ? 'rest' : 'begin';
    this.#answers = this.#place === 'rest';
  }

  get thinking(): boolean {
    return this.#place === 'opened' || this.#place === 'thoughts';
  }

  push(text: string): readonly AnswerPart[] {
    this.#held += text;
    switch (this.#place) {
      case 'rest':
        return this.#content();
      case 'begin':
        return this.#begin();
      case 'opened':
        return this.#opened();
      case 'thoughts':
        return this.#thoughts();
      case 'closed':
        return this.#closed();
      default:
        return this.#place satisfies never;
    }
  }

  end(whole = false): readonly AnswerPart[] {
    const held = this.#held;
    this.#held = '';
    if (this.#place === 'opened' || this.#place === 'thoughts')
      return [...part(held.trimEnd()), ...this.#rest.end(whole)];
    return [...this.#rest.push(this.#place === 'closed' ? held.trimStart() : held), ...this.#rest.end(whole)];
  }

  /** Finds out whether thoughts come first. A closing tag alone says that there are none. */
  #begin(): readonly AnswerPart[] {
    const { open, close } = this.#tags;
    const text = this.#held.trimStart();
    if ([open, close].some((tag) => tag.startsWith(text) && text !== tag)) return [];
    if (text.startsWith(close)) {
      this.#place = 'closed';
      this.#held = text.slice(close.length);
      return this.#closed();
    }
    if (!text.startsWith(open)) return this.#leave(this.#held);
    this.#place = 'opened';
    this.#held = text.slice(open.length);
    return this.#opened();
  }

  /** Leaves out blanks, and a tag that the model repeats. */
  #opened(): readonly AnswerPart[] {
    const { open } = this.#tags;
    let text = this.#held.trimStart();
    if (!this.#repeated) {
      if (open.startsWith(text) && text !== open) return [];
      this.#repeated = text.startsWith(open);
      if (this.#repeated) text = text.slice(open.length).trimStart();
    }
    this.#held = text;
    if (text === '') return [];
    this.#place = 'thoughts';
    return this.#thoughts();
  }

  #thoughts(): readonly AnswerPart[] {
    const { close } = this.#tags;
    const text = this.#held;
    const ends = [close, ...this.#interrupts];
    const end = firstOf(text, ends);
    if (end) {
      const thoughts = part(text.slice(0, end.at).trimEnd());
      this.#place = 'closed';
      this.#held = text.slice(end.tag === close ? end.at + close.length : end.at);
      return [...thoughts, ...this.#closed()];
    }
    const known = text.slice(0, text.length - openLength(text, ends)).trimEnd();
    this.#held = text.slice(known.length);
    return part(known);
  }

  /** Leaves out blanks before the content. */
  #closed(): readonly AnswerPart[] {
    if (this.#answers) return this.#leave(this.#held);
    const text = this.#held.trimStart();
    return text === '' ? [] : this.#leave(text);
  }

  #leave(text: string): readonly AnswerPart[] {
    this.#place = 'rest';
    this.#held = text;
    return this.#content();
  }

  /** Gives content away, up to further thoughts where they may come; a closing tag alone is dropped. */
  #content(): readonly AnswerPart[] {
    const { open, close, anywhere = false } = this.#tags;
    const tags = anywhere ? [open, close] : [];
    const parts: AnswerPart[] = [];
    for (;;) {
      const text = this.#held;
      const found = firstOf(text, tags);
      const content = text.slice(0, found?.at ?? text.length - openLength(text, tags));
      this.#held = text.slice(content.length + (found?.tag.length ?? 0));
      this.#answers ||= content !== '';
      parts.push(...this.#rest.push(content));
      if (!found) return parts;
      if (found.tag === close) continue;
      this.#place = 'opened';
      parts.push(...this.#opened());
      return parts;
    }
  }
}
