import { at } from '../base/at.ts';
/** Python's whitespace; JavaScript's `\s` differs in six characters. */
export const spaces = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const space = new RegExp(`[${spaces}]`);
const surrogate = /[\ud800-\udfff]/;

export const isSpace = (character: string): boolean => space.test(character);

/** The number of code points. */
export function lengthOf(text: string): number {
  if (!surrogate.test(text)) return text.length;
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

/** The code points, as far as possible without taking the text apart. */
export const codePoints = (text: string): string | readonly string[] => (surrogate.test(text) ? [...text] : text);

/** The UTF-16 index after so many code points. */
export function unitIndex(text: string, index: number): number {
  if (!surrogate.test(text)) return Math.min(index, text.length);
  let at = 0;
  for (let i = 0; i < index && at < text.length; i += 1) at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  return at;
}

/** Text without the leading or trailing characters that `strips` matches. */
export function strip(text: string, strips: (character: string) => boolean, side: 'left' | 'right' | 'both'): string {
  const all = codePoints(text);
  let [start, end] = [0, all.length];
  if (side !== 'right') while (start < end && strips(at(all, start))) start += 1;
  if (side !== 'left') while (end > start && strips(at(all, end - 1))) end -= 1;
  return typeof all === 'string' ? all.slice(start, end) : all.slice(start, end).join('');
}

/** Compares by code points: negative, zero or positive. JavaScript itself compares UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    // A surrogate stands for a code point above all others.
    if (x !== y) return Number(x >= 0xd800 && x < 0xe000) - Number(y >= 0xd800 && y < 0xe000) || x - y;
  }
  return a.length - b.length;
}

const digraphs: Readonly<Record<string, string>> = { Ǆ: 'ǅ', ǆ: 'ǅ', Ǉ: 'ǈ', ǈ: 'ǈ', Ǌ: 'ǋ', ǋ: 'ǋ', Ǳ: 'ǲ', ǲ: 'ǲ' };

/** A character in the form that begins a word in a title. */
export function titleCase(character: string): string {
  const digraph = digraphs[character] ?? digraphs[character.toUpperCase()];
  if (digraph !== undefined) return digraph;
  if (/^[\u10d0-\u10ff]$/.test(character)) return character;
  const upper = character.toUpperCase();
  if (character === 'ŉ' || upper.length === 1 || lengthOf(upper) === 1) return upper;
  // Greek letters with an iota below have one capital for it.
  const composed = upper.normalize('NFD').replace(/Ι$/, '\u0345').normalize('NFC');
  if (/[\u1f80-\u1fff]/.test(character) && composed !== upper) return composed;
  const [first = '', ...others] = [...upper];
  return first + others.join('').toLowerCase();
}
