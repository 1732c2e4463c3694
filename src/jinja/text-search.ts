import { at } from '../base/at.ts';
import { codePoints, isSpace, lengthOf, spaces, unitIndex } from './characters.ts';
import { TemplateError } from './errors.ts';
import type { RenderMeter } from './meter.ts';
import { intArgument, textArgument } from './signature.ts';
import { none, Tuple, type Value } from './values.ts';

/** Lists of parts are counted by their number, their texts by the text they come from. */
function counted(meter: RenderMeter, text: string, parts: string[]): string[] {
  meter.elements(3 * parts.length);
  meter.text(text.length);
  return parts;
}

/** Splits like Python's text.split(separator, most). */
export function split(meter: RenderMeter, text: string, separator: string | undefined, most: number): string[] {
  if (separator === undefined) return counted(meter, text, splitAtSpace(text, most));
  if (separator === '') throw new TemplateError('a text cannot be split at an empty one');
  meter.search(text.length, separator.length);
  if (most < 0) return counted(meter, text, text.split(separator));
  const parts: string[] = [];
  let at = 0;
  for (let next = text.indexOf(separator); next >= 0 && parts.length < most; next = text.indexOf(separator, at)) {
    parts.push(text.slice(at, next));
    at = next + separator.length;
  }
  return counted(meter, text, [...parts, text.slice(at)]);
}

function splitAtSpace(text: string, most: number): string[] {
  const parts: string[] = [];
  for (const { 0: word, index } of text.matchAll(new RegExp(`[^${spaces}]+`, 'g'))) {
    if (most >= 0 && parts.length >= most) return [...parts, text.slice(index)];
    parts.push(word);
  }
  return parts;
}

/** Splits like Python's text.rsplit(separator, most). */
export function splitFromEnd(meter: RenderMeter, text: string, separator: string | undefined, most: number): string[] {
  if (most < 0) return split(meter, text, separator, most);
  if (separator === '') throw new TemplateError('a text cannot be split at an empty one');
  meter.search(text.length, separator?.length ?? 1);
  const parts: string[] = [];
  let end = text.length;
  if (separator !== undefined) {
    while (parts.length < most && end >= separator.length) {
      const at = text.lastIndexOf(separator, end - separator.length);
      if (at < 0) break;
      parts.push(text.slice(at + separator.length, end));
      end = at;
    }
    return counted(meter, text, [text.slice(0, end), ...parts.reverse()]);
  }
  const skip = (spaced: boolean): void => {
    while (end > 0 && isSpace(at(text, end - 1)) === spaced) end -= 1;
  };
  for (skip(true); end > 0 && parts.length < most; skip(true)) {
    const wordEnd = end;
    skip(false);
    parts.push(text.slice(end, wordEnd));
  }
  if (end > 0) parts.push(text.slice(0, end));
  return counted(meter, text, parts.reverse());
}

const lineBreaks = '\n\r\v\f\x1c-\x1e\x85\u2028\u2029';
const lineBreak = new RegExp(`\r\n|[${lineBreaks}]`, 'g');

/** Splits like Python's text.splitlines(keepends). */
export function splitLines(meter: RenderMeter, text: string, keepEnds: boolean): string[] {
  const lines: string[] = [];
  let at = 0;
  for (const { 0: end, index } of text.matchAll(lineBreak)) {
    lines.push(text.slice(at, keepEnds ? index + end.length : index));
    at = index + end.length;
  }
  if (at < text.length) lines.push(text.slice(at));
  return counted(meter, text, lines);
}

/** Replaces like Python's text.replace(old, replacement, most). */
export function replace(meter: RenderMeter, text: string, old: string, replacement: string, most: number): string {
  meter.search(text.length, old.length);
  const limit = most < 0 ? Number.POSITIVE_INFINITY : most;
  if (old === '') {
    const all = codePoints(text);
    const count = Math.min(all.length + 1, limit);
    meter.text(text.length + count * replacement.length);
    let result = '';
    for (let i = 0; i <= all.length; i += 1) result += (i < count ? replacement : '') + (all[i] ?? '');
    return result;
  }
  const parts = split(meter, text, old, limit === Number.POSITIVE_INFINITY ? -1 : limit);
  meter.text(text.length + parts.length * replacement.length);
  return parts.join(replacement);
}

/** The UTF-16 bounds that the arguments `start` and `end` leave; undefined if they leave nothing to search. */
function bounds(text: string, start: Value | undefined, end: Value | undefined): [number, number] | undefined {
  if ((start ?? none) === none && (end ?? none) === none) return [0, text.length];
  const length = lengthOf(text);
  const index = (value: Value | undefined, missing: number): number => {
    if ((value ?? none) === none) return missing;
    const given = intArgument(value, 'an index');
    return given < 0 ? Math.max(0, given + length) : given;
  };
  const [from, to] = [index(start, 0), Math.min(index(end, length), length)];
  return from > to ? undefined : [unitIndex(text, from), unitIndex(text, to)];
}

/** The place of a text, in code points, or -1: Python's find and rfind. */
export function find(
  meter: RenderMeter,
  text: string,
  sought: string,
  last: boolean,
  range: readonly (Value | undefined)[],
): number {
  const limits = bounds(text, range[0], range[1]);
  if (!limits) return -1;
  meter.search(text.length, sought.length);
  const within = text.slice(...limits);
  const at = last ? within.lastIndexOf(sought) : within.indexOf(sought);
  return at < 0 ? -1 : lengthOf(text.slice(0, limits[0] + at));
}

/** The number of places where a text is found, none of which overlap: Python's count. */
export function count(meter: RenderMeter, text: string, sought: string, range: readonly (Value | undefined)[]): number {
  const limits = bounds(text, range[0], range[1]);
  if (!limits) return 0;
  meter.search(text.length, sought.length);
  const within = text.slice(...limits);
  if (sought === '') return lengthOf(within) + 1;
  let found = 0;
  for (let at = within.indexOf(sought); at >= 0; at = within.indexOf(sought, at + sought.length)) found += 1;
  return found;
}

/** Whether a text begins or ends with another, or one of several: Python's startswith and endswith. */
export function touches(
  meter: RenderMeter,
  text: string,
  side: 'start' | 'end',
  sought: Value | undefined,
  range: readonly (Value | undefined)[],
): boolean {
  const limits = bounds(text, range[0], range[1]);
  meter.text(text.length);
  const within = limits && text.slice(...limits);
  const options = sought instanceof Tuple ? sought.items : [sought];
  return options.some((option) => {
    const other = textArgument(option, side === 'start' ? 'startswith' : 'endswith');
    meter.step();
    if (within === undefined) return false;
    return side === 'start' ? within.startsWith(other) : within.endsWith(other);
  });
}
