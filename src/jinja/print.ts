import { codePoints } from './characters.ts';
import { notSupported } from './errors.ts';
import type { RenderMeter } from './meter.ts';
import { floatText } from './numbers.ts';
import {
  Dict,
  DictView,
  Float,
  IntRange,
  isCallable,
  isList,
  isString,
  Lazy,
  Markup,
  Namespace,
  none,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

const unprintable = /[\p{C}\p{Z}]/u;
const quoted: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function escaped(character: string): string {
  if (character === ' ') return character;
  const known = quoted[character];
  if (known !== undefined) return known;
  if (!unprintable.test(character)) return character;
  const code = character.codePointAt(0) as number;
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Quotes a text as in Python's source. */
function quote(meter: RenderMeter, text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  meter.text(2 * text.length);
  if (/^[ -&(-[\]-~]*$/.test(text)) return mark + text + mark;
  let result = mark;
  for (const character of codePoints(text)) result += character === mark ? `\\${mark}` : escaped(character);
  return result + mark;
}

function list(meter: RenderMeter, open: string, items: Iterable<Value>, close: string): string {
  meter.enter();
  let result = open;
  for (const item of items) {
    if (result !== open) result += ', ';
    result += repr(meter, item);
  }
  meter.leave();
  return result + close;
}

function entries(meter: RenderMeter, all: Iterable<readonly [Value, Value]>): string {
  meter.enter();
  let result = '{';
  for (const [key, value] of all) result += `${result === '{' ? '' : ', '}${repr(meter, key)}: ${repr(meter, value)}`;
  meter.leave();
  return `${result}}`;
}

/** Prints like Python's repr(). */
export function repr(meter: RenderMeter, value: Value): string {
  meter.text(4);
  if (isString(value)) {
    const text = quote(meter, plain(value));
    return value instanceof Markup ? `Markup(${text})` : text;
  }
  if (value === none) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return String(value);
  if (value instanceof Float) return floatText(value.value);
  if (isList(value)) return list(meter, '[', value, ']');
  if (value instanceof Tuple) return list(meter, '(', value.items, value.items.length === 1 ? ',)' : ')');
  if (value instanceof Dict) return entries(meter, value.entries());
  if (value instanceof DictView) {
    const { part, dict } = value;
    return list(
      meter,
      `dict_${part}([`,
      [...dict.entries()].map((entry) => value.of(entry)),
      '])',
    );
  }
  if (value instanceof IntRange) {
    return `range(${value.start}, ${value.stop}${value.step === 1 ? '' : `, ${value.step}`})`;
  }
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof Namespace) return `<Namespace ${entries(meter, value.attributes)}>`;
  if (isCallable(value) && value.text !== undefined) return value.text;
  // Python prints an address here.
  throw notSupported(`printing a ${value instanceof Lazy ? 'generator (use the filter "list")' : typeName(value)}`);
}

/** Prints like Python's str(). */
export function pythonStr(meter: RenderMeter, value: Value): string {
  if (typeof value === 'string') return value;
  if (value instanceof Markup) return value.text;
  return value instanceof Undefined ? '' : repr(meter, value);
}
