import { isSpace, lengthOf, strip, titleCase } from './characters.ts';
import { notSupported, TemplateError } from './errors.ts';
import { iterate } from './iterate.ts';
import type { RenderMeter } from './meter.ts';
import { bind, intArgument, signature, textArgument } from './signature.ts';
import { count, find, replace, split, splitFromEnd, splitLines, touches } from './text-search.ts';
import { type Args, isString, none, plain, Tuple, typeName, type Value } from './values.ts';

type TextMethod = (meter: RenderMeter, text: string, args: Args) => Value;
type Given = Value | undefined;

const cased = /^\p{Cased}$/u;
const digit =
  /^[\p{Nd}\xb2\xb3\xb9\u1369-\u1371\u19da\u2070\u2074-\u2079\u2080-\u2089\u2460-\u2468\u2474-\u247c\u2488-\u2490\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792\u{10a40}-\u{10a43}\u{10e60}-\u{10e68}\u{11052}-\u{1105a}\u{1f100}-\u{1f10a}]+$/u;

/** Text with a capital at the beginning of each word. */
function title(text: string): string {
  let inWord = false;
  // The end of a word can be lower case in two ways, so words are changed as wholes.
  let result = '';
  let word = '';
  const finish = (): void => {
    const [first = '', ...others] = word;
    result += titleCase(first) + (first + others.join('')).toLowerCase().slice(first.toLowerCase().length);
    word = '';
  };
  for (const character of text) {
    const letter = cased.test(character);
    if (!letter && inWord) finish();
    inWord = letter;
    if (letter) word += character;
    else result += character;
  }
  if (word !== '') finish();
  return result;
}

export function capitalize(text: string): string {
  const [first = ''] = text;
  return titleCase(first) + text.toLowerCase().slice(first.toLowerCase().length);
}

function isTitle(text: string): boolean {
  let inWord = false;
  let found = false;
  for (const character of text) {
    const upper = /^[\p{Uppercase}\p{Lt}]$/u.test(character);
    const lower = !upper && /^\p{Lowercase}$/u.test(character);
    if ((upper && inWord) || (lower && !inWord)) return false;
    inWord = upper || lower;
    found ||= inWord;
  }
  return found;
}

function isNumeric(text: string): boolean {
  if (/\p{Ideographic}/u.test(text)) throw notSupported('isnumeric of ideographs');
  return /^\p{N}+$/u.test(text);
}

/** True if all letters that have cases have this one, and there are some. */
const hasCase = (text: string, other: RegExp, own: RegExp): boolean => !other.test(text) && own.test(text);
export const isLower = (text: string): boolean => hasCase(text, /[\p{Uppercase}\p{Lt}]/u, /\p{Lowercase}/u);
export const isUpper = (text: string): boolean => hasCase(text, /[\p{Lowercase}\p{Lt}]/u, /\p{Uppercase}/u);

/** Text in the middle or at one side of a width. */
export function justify(
  meter: RenderMeter,
  text: string,
  width: number,
  fill: string,
  side: 'left' | 'right' | 'center',
): string {
  const missing = Math.max(0, width - lengthOf(text));
  meter.text(text.length + missing * fill.length);
  const before = side === 'left' ? 0 : side === 'right' ? missing : Math.floor(missing / 2) + (missing & width & 1);
  return fill.repeat(before) + text + fill.repeat(missing - before);
}

/** The filter and the method "trim" and "strip". */
export function stripped(meter: RenderMeter, text: string, characters: Given, side: 'left' | 'right' | 'both'): string {
  meter.text(text.length);
  if ((characters ?? none) === none) return strip(text, isSpace, side);
  const set = new Set(textArgument(characters, 'strip'));
  return strip(text, (character) => set.has(character), side);
}

export function joined(meter: RenderMeter, separator: string, items: Iterable<string>): string {
  let result = '';
  let first = true;
  for (const item of items) {
    meter.text(item.length + separator.length);
    result += first ? item : separator + item;
    first = false;
  }
  return result;
}

function* texts(meter: RenderMeter, values: Value): Generator<string> {
  for (const value of iterate(meter, values)) {
    if (!isString(value)) throw new TemplateError(`a ${typeName(value)} cannot be joined; use the filter "join"`);
    yield plain(value);
  }
}

function fillOf(fill: Given): string {
  const text = fill === undefined ? ' ' : textArgument(fill, 'the fill character');
  if (lengthOf(text) !== 1) throw new TemplateError('the fill must be one character');
  return text;
}

function partition(meter: RenderMeter, text: string, separator: string, last: boolean): Value {
  if (separator === '') throw new TemplateError('a text cannot be split at an empty one');
  meter.search(text.length, separator.length);
  const at = last ? text.lastIndexOf(separator) : text.indexOf(separator);
  if (at < 0) return new Tuple(last ? ['', '', text] : [text, '', '']);
  return new Tuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

function zeroFilled(meter: RenderMeter, text: string, width: number): string {
  const sign = /^[-+]/.exec(text)?.[0] ?? '';
  return sign + justify(meter, text.slice(sign.length), width - sign.length, '0', 'right');
}

function swapCase(text: string): string {
  if (/[ßŉΣς\p{Lt}\u{10000}-\u{10ffff}]/u.test(text)) throw notSupported('swapcase of this text');
  return [...text]
    .map((c) => (/^\p{Uppercase}$/u.test(c) ? c.toLowerCase() : /^\p{Lowercase}$/u.test(c) ? c.toUpperCase() : c))
    .join('');
}

function expandTabs(meter: RenderMeter, text: string, size: number): string {
  let result = '';
  let column = 0;
  for (const character of text) {
    const width = character === '\t' && size > 0 ? size - (column % size) : Number(character !== '\t');
    meter.text(width);
    result += character === '\t' ? ' '.repeat(width) : character;
    column = character === '\n' || character === '\r' ? 0 : column + width;
  }
  return result;
}

const most = (value: Given): number => (value === undefined ? -1 : intArgument(value, 'the number of splits'));
const separatorOf = (value: Given): string | undefined =>
  (value ?? none) === none ? undefined : textArgument(value, 'the separator');

function index(meter: RenderMeter, text: string, last: boolean, [sought, ...range]: Given[]): number {
  const at = find(meter, text, textArgument(sought, 'index'), last, range);
  if (at < 0) throw new TemplateError('the text is not found');
  return at;
}

/** Python's methods of str by name, without `format`; undefined for one that exists and is not supported. */
export const textMethods: ReadonlyMap<string, TextMethod | undefined> = new Map([
  ...Object.entries({
    capitalize: ['', (_, text) => capitalize(text)],
    center: ['/ width fill?', (m, text, [w, f]) => justify(m, text, intArgument(w, 'center'), fillOf(f), 'center')],
    count: ['/ text start? end?', (m, text, [t, ...range]) => count(m, text, textArgument(t, 'count'), range)],
    endswith: ['/ suffix start? end?', (m, text, [s, ...range]) => touches(m, text, 'end', s, range)],
    expandtabs: ['tabsize?', (m, text, [s]) => expandTabs(m, text, s === undefined ? 8 : intArgument(s, 'expandtabs'))],
    find: ['/ text start? end?', (m, text, [t, ...range]) => find(m, text, textArgument(t, 'find'), false, range)],
    index: ['/ text start? end?', (m, text, all) => index(m, text, false, all)],
    isalnum: [
      '',
      (_, text) => text !== '' && [...text].every((c) => /^\p{L}$/u.test(c) || digit.test(c) || /^\p{N}$/u.test(c)),
    ],
    isalpha: ['', (_, text) => /^\p{L}+$/u.test(text)],
    isascii: ['', (_, text) => !/\P{ASCII}/u.test(text)],
    isdecimal: ['', (_, text) => /^\p{Nd}+$/u.test(text)],
    isdigit: ['', (_, text) => digit.test(text)],
    isidentifier: ['', (_, text) => /^[\p{XIDS}_][\p{XIDC}]*$/u.test(text)],
    islower: ['', (_, text) => isLower(text)],
    isnumeric: ['', (_, text) => isNumeric(text)],
    isprintable: ['', (_, text) => !/[\p{C}\p{Z}]/u.test(text.replaceAll(' ', ''))],
    isspace: ['', (_, text) => text !== '' && [...text].every(isSpace)],
    istitle: ['', (_, text) => isTitle(text)],
    isupper: ['', (_, text) => isUpper(text)],
    join: ['/ items', (m, text, [items]) => joined(m, text, texts(m, items as Value))],
    ljust: ['/ width fill?', (m, text, [w, f]) => justify(m, text, intArgument(w, 'ljust'), fillOf(f), 'left')],
    lower: ['', (_, text) => text.toLowerCase()],
    lstrip: ['/ characters?', (m, text, [c]) => stripped(m, text, c, 'left')],
    partition: ['/ separator', (m, text, [s]) => partition(m, text, textArgument(s, 'partition'), false)],
    removeprefix: ['/ prefix', (m, text, [p]) => without(m, text, textArgument(p, 'removeprefix'), true)],
    removesuffix: ['/ suffix', (m, text, [s]) => without(m, text, textArgument(s, 'removesuffix'), false)],
    replace: [
      '/ old new count?',
      (m, text, [o, n, c]) => replace(m, text, textArgument(o, 'replace'), textArgument(n, 'replace'), most(c)),
    ],
    rfind: ['/ text start? end?', (m, text, [t, ...range]) => find(m, text, textArgument(t, 'rfind'), true, range)],
    rindex: ['/ text start? end?', (m, text, all) => index(m, text, true, all)],
    rjust: ['/ width fill?', (m, text, [w, f]) => justify(m, text, intArgument(w, 'rjust'), fillOf(f), 'right')],
    rpartition: ['/ separator', (m, text, [s]) => partition(m, text, textArgument(s, 'rpartition'), true)],
    rsplit: ['sep? maxsplit?', (m, text, [s, n]) => splitFromEnd(m, text, separatorOf(s), most(n))],
    rstrip: ['/ characters?', (m, text, [c]) => stripped(m, text, c, 'right')],
    split: ['sep? maxsplit?', (m, text, [s, n]) => split(m, text, separatorOf(s), most(n))],
    splitlines: [
      'keepends?',
      (m, text, [k]) => splitLines(m, text, k !== undefined && intArgument(k, 'splitlines') !== 0),
    ],
    startswith: ['/ prefix start? end?', (m, text, [p, ...range]) => touches(m, text, 'start', p, range)],
    strip: ['/ characters?', (m, text, [c]) => stripped(m, text, c, 'both')],
    swapcase: ['', (_, text) => swapCase(text)],
    title: ['', (_, text) => title(text)],
    upper: ['', (_, text) => text.toUpperCase()],
    zfill: ['/ width', (m, text, [w]) => zeroFilled(m, text, intArgument(w, 'zfill'))],
  } satisfies Record<string, [string, (meter: RenderMeter, text: string, args: Given[]) => Value]>).map(
    ([name, [parameters, run]]): [string, TextMethod] => {
      const own = signature(name, parameters);
      return [
        name,
        (meter, text, args) => {
          meter.text(text.length);
          return run(meter, text, bind(own, args));
        },
      ];
    },
  ),
  ...['casefold', 'encode', 'maketrans', 'translate'].map((name): [string, undefined] => [name, undefined]),
]);

function without(meter: RenderMeter, text: string, part: string, first: boolean): string {
  meter.text(text.length);
  if (first) return text.startsWith(part) ? text.slice(part.length) : text;
  return part !== '' && text.endsWith(part) ? text.slice(0, -part.length) : text;
}
