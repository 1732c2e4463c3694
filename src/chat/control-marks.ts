import type { ControlToken, PromptPart } from '../text/control-tokens.ts';
import { NameFinder } from './name-finder.ts';

/** Marks are low surrogates that stand alone, which no text has that is well-formed. */
const firstMark = 0xdc00;
const mostMarks = 0x3ff;
/** A mark that stands for no character. */
export const endMark: string = String.fromCharCode(firstMark + mostMarks);
const anyMark = /(?<![\uD800-\uDBFF])[\uDC00-\uDFFE]/g;

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
const anyOf = (texts: readonly string[]): string =>
  [...texts]
    .sort((one, other) => other.length - one.length)
    .map(escaped)
    .join('|');

/**
 * Tells control tokens that a template writes from their names in messages. Each character with which a name begins or
 * ends is replaced in the messages by a mark of its own, one for one, and comes back in the prompt: a name with such a
 * character is not the template's.
 */
export class ControlMarks {
  readonly #controls: ReadonlyMap<string, ControlToken>;
  readonly #markOf: Map<string, string> = new Map();
  readonly #characters: string[] = [];
  readonly #finder: NameFinder;
  /** Patterns of what is marked, by the texts that are spared. */
  readonly #patterns: Map<string, RegExp> = new Map();

  constructor(controls: readonly ControlToken[]) {
    const named = controls.filter(({ text }) => text.trim() !== '');
    this.#controls = new Map(named.map((control) => [control.text, control]));
    const ends = named.flatMap(({ text }) => {
      const points = [...text];
      return [points[0], points.at(-1)];
    });
    for (const point of ends) {
      if (point === undefined || this.#markOf.has(point) || this.#characters.length === mostMarks) continue;
      this.#markOf.set(point, String.fromCharCode(firstMark + this.#characters.length));
      this.#characters.push(point);
    }
    this.#finder = new NameFinder(this.#controls.keys());
  }

  /** True if a text has a character that would be marked. */
  touches(text: string): boolean {
    return this.#characters.some((character) => text.includes(character));
  }

  /** True if the name of a control token stands in a text. */
  names(text: string): boolean {
    return this.#finder.find(text).next().done === false;
  }

  /** Marks a text, but for these texts within it. */
  mark(text: string, except: readonly string[] = []): string {
    if (this.#characters.length === 0) return text;
    return text.replace(this.#patternWithout(except), (found) => this.#markOf.get(found) ?? found);
  }

  #patternWithout(except: readonly string[]): RegExp {
    const key = except.join('\0');
    const known = this.#patterns.get(key);
    if (known) return known;
    const pattern = new RegExp(anyOf([...except.filter((one) => one !== ''), ...this.#characters]), 'gu');
    this.#patterns.set(key, pattern);
    return pattern;
  }

  /** True if a text has those control tokens that the template has written in a marked text, and no others. */
  hasSameControls(marked: string, text: string): boolean {
    const all = (one: string): string => Array.from(this.#finder.find(one), ({ name }) => name).join('\0');
    return all(marked) === all(text);
  }

  /** A text without marks. */
  unmark(marked: string): string {
    return marked.replace(anyMark, (mark) => this.#characters[mark.charCodeAt(0) - firstMark] ?? mark);
  }

  /**
   * A prompt with marks as parts, in their order: a stretch between two control tokens of the template is text where it
   * has the name of another.
   */
  parts(marked: string): readonly PromptPart[] {
    const text = this.unmark(marked);
    if (marked === text) return [{ text, special: true }];
    const isMarked = this.#markedUnits(marked, text.length);
    const isForged = (name: string, index: number): boolean =>
      isMarked.subarray(index, index + name.length).some((unit) => unit === 1);
    const parts: PromptPart[] = [];
    let pending = '';
    let start = 0;
    let forged = false;
    let before: ControlToken | undefined;
    const endStretch = (end: number, after: ControlToken | undefined): void => {
      const stretch = text.slice(start, end);
      if (!forged) pending += stretch;
      else {
        if (pending !== '') parts.push({ text: pending, special: true });
        parts.push({ text: strippedBetween(stretch, before, after), special: false });
        pending = '';
      }
      forged = false;
    };
    for (const { name, index } of this.#finder.find(text)) {
      if (isForged(name, index)) forged = true;
      else {
        const control = this.#controls.get(name);
        endStretch(index, control);
        pending += name;
        start = index + name.length;
        before = control;
      }
    }
    endStretch(text.length, undefined);
    if (pending !== '') parts.push({ text: pending, special: true });
    return parts;
  }

  /** A 1 for each UTF-16 unit that was marked. */
  #markedUnits(marked: string, length: number): Uint8Array {
    const units = new Uint8Array(length);
    let shift = 0;
    for (const { 0: mark, index } of marked.matchAll(anyMark)) {
      const { length } = this.#characters[mark.charCodeAt(0) - firstMark] ?? mark;
      units.fill(1, index + shift, index + shift + length);
      shift += length - 1;
    }
    return units;
  }
}

/** A text without the blanks that the control tokens around it take with them. */
function strippedBetween(text: string, before: ControlToken | undefined, after: ControlToken | undefined): string {
  const tail = before?.stripsRight ? text.trimStart() : text;
  return after?.stripsLeft ? tail.trimEnd() : tail;
}
