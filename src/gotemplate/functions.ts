import { at } from '../base/at.ts';
import { TemplateError } from '../jinja/errors.ts';
import type { RenderMeter } from '../jinja/meter.ts';
import { GoFields, type GoValue, goJson, isTrue, List, plainValue, printed } from './values.ts';

/** A function with all of its arguments. */
export type GoFunction = (args: readonly GoValue[], meter: RenderMeter) => GoValue;

const fail = (reason: string): never => {
  throw new TemplateError(reason);
};

const one = (name: string, args: readonly GoValue[]): GoValue =>
  args.length === 1 ? args[0] : fail(`${name} takes one argument, not ${args.length}`);

/** Two values of one basic type. */
function comparable(a: GoValue, b: GoValue): boolean {
  if (typeof a === 'object' || typeof b === 'object') return fail('lists and maps cannot be compared');
  if (a !== undefined && b !== undefined && typeof a !== typeof b)
    return fail('values of two types cannot be compared');
  return true;
}

const equal = (a: GoValue, b: GoValue): boolean => comparable(a, b) && a === b;

function order(args: readonly GoValue[]): number {
  const [a, b] = [at(args, 0), at(args, 1)];
  if (args.length !== 2 || !comparable(a, b) || a === undefined || b === undefined || typeof a === 'boolean') {
    return fail('these values have no order');
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** UTF-8, in which Go counts. */
const bytesOf = (text: string): Buffer => Buffer.from(text, 'utf8');

function lengthOf(value: GoValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value instanceof List) return value.items.length;
  if (value instanceof GoFields && value.kind === 'map') return value.entries.size;
  return fail('len of a value without a length');
}

function indexOf(value: GoValue, key: GoValue): GoValue {
  if (value instanceof GoFields && typeof key === 'string') return value.entries.get(key);
  if (typeof key !== 'number') return fail('index wants a number, or a key of a map');
  if (value instanceof List && key >= 0 && key < value.items.length) return value.items[key];
  const byte = typeof value === 'string' ? bytesOf(value)[key] : undefined;
  return byte ?? fail(`index ${key} is out of range`);
}

function sliceOf([value, ...bounds]: readonly GoValue[], meter: RenderMeter): GoValue {
  const length = lengthOf(value);
  meter.elements(length);
  const [from = 0, to = length] = bounds;
  if (typeof from !== 'number' || typeof to !== 'number' || from < 0 || to < from || to > length) {
    return fail('slice is out of range');
  }
  if (value instanceof List) return new List(value.items.slice(from, to));
  return typeof value === 'string'
    ? bytesOf(value).toString('utf8', from, to)
    : fail('slice of a value that is no list');
}

function print(args: readonly GoValue[], meter: RenderMeter): string {
  // A blank stands between two operands neither of which is a text.
  const isText = (value: GoValue): boolean => typeof value === 'string';
  return args
    .map((value, i) => {
      const before = i > 0 && !isText(value) && !isText(args[i - 1]) ? ' ' : '';
      return `${before}${value === undefined ? '<nil>' : printed(value, meter)}`;
    })
    .join('');
}

const place = /%([-+# 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])/g;
const mostColumns = 1000;

function format([pattern, ...args]: readonly GoValue[], meter: RenderMeter): string {
  if (typeof pattern !== 'string') return fail('printf wants a text first');
  let next = 0;
  const text = pattern.replace(
    place,
    (found, flag: string, width: string, digits: string | undefined, verb: string) => {
      if (verb === '%') return '%';
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const made = formatted(verb, args[next], digits === undefined ? undefined : Number(digits), meter);
      next += 1;
      if (flag.length > 1 || (flag === '0' && verb !== 'd')) return fail(`printf with ${found}`);
      const columns = Math.min(Number(width), mostColumns);
      meter.text(made.length + columns);
      return flag === '-' ? made.padEnd(columns) : made.padStart(columns, flag === '0' ? '0' : ' ');
    },
  );
  if (next < args.length) return fail('printf has more values than its text has places');
  return text;
}

function formatted(verb: string, value: GoValue, digits: number | undefined, meter: RenderMeter): string {
  const text = value === undefined ? '<nil>' : printed(value, meter);
  switch (verb) {
    case 'v':
      return text;
    case 's':
      return digits === undefined ? text : [...text].slice(0, digits).join('');
    case 'q':
      return JSON.stringify(text);
    case 'd':
      return typeof value === 'number' ? text : fail('printf %d of no number');
    case 't':
      return typeof value === 'boolean' ? text : fail('printf %t of neither true nor false');
    case 'f':
      return typeof value === 'number' ? value.toFixed(Math.min(digits ?? 6, 100)) : fail('printf %f of no number');
    default:
      return fail(`printf with %${verb}`);
  }
}

/** Go's functions but "and" and "or", which do not look at all of their arguments. */
export const functions: Readonly<Record<string, GoFunction>> = {
  not: (args) => !isTrue(one('not', args)),
  len: (args) => lengthOf(one('len', args)),
  index: ([value, ...keys]) => keys.reduce(indexOf, value),
  slice: sliceOf,
  eq: ([first, ...others]) =>
    others.length === 0 ? fail('eq takes two values') : others.map((other) => equal(first, other)).some(Boolean),
  ne: (args) => (args.length === 2 ? !equal(args[0], args[1]) : fail('ne takes two values')),
  lt: (args) => order(args) < 0,
  le: (args) => order(args) <= 0,
  gt: (args) => order(args) > 0,
  ge: (args) => order(args) >= 0,
  print,
  println: (args, meter) => `${args.map((value) => print([value], meter)).join(' ')}\n`,
  printf: format,
  json: (args, meter) => {
    const text = goJson(plainValue(one('json', args)));
    meter.text(text.length);
    return text;
  },
};
