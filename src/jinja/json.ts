import { TemplateError } from './errors.ts';
import type { RenderMeter } from './meter.ts';
import { floatText } from './numbers.ts';
import { Dict, Float, isList, isString, none, plain, Tuple, typeName, type Value } from './values.ts';

export interface JsonOptions {
  readonly ascii: boolean;
  /** Indentation of a level; undefined writes one line. */
  readonly indent: string | undefined;
  readonly separators: readonly [item: string, key: string];
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
  '"': '\\"',
  '\\': '\\\\',
};

const controls = '\\x00-\\x1f';
const controlOrQuote = new RegExp(`["\\\\${controls}]`, 'g');

function quote(meter: RenderMeter, text: string, ascii: boolean): string {
  meter.text(6 * text.length);
  const special = ascii ? /["\\]|[^ -~]/g : controlOrQuote;
  const escaped = text.replace(
    special,
    (unit) => shortEscapes[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${escaped}"`;
}

function float(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? floatText(value) : `${value < 0 ? '-' : ''}Infinity`;
}

function key(value: Value): string {
  if (isString(value)) return plain(value);
  if (value === none) return 'null';
  if (typeof value === 'boolean' || typeof value === 'number') return String(value);
  if (value instanceof Float) return float(value.value);
  throw new TemplateError(`a ${typeName(value)} cannot be a key in JSON`);
}

/** JSON like Python's json.dumps. Throws TemplateError for values that JSON does not have. */
export function toJson(meter: RenderMeter, value: Value, options: JsonOptions): string {
  const { indent, separators, ascii } = options;

  const block = (open: string, parts: readonly (() => string)[], close: string, depth: number): string => {
    if (parts.length === 0) return open + close;
    const line = indent === undefined ? '' : `\n${indent.repeat(depth + 1)}`;
    meter.enter();
    let result = open;
    for (const part of parts) {
      const text = part();
      meter.text(line.length + text.length);
      result += (result === open ? '' : separators[0]) + line + text;
    }
    meter.leave();
    return result + (indent === undefined ? '' : `\n${indent.repeat(depth)}`) + close;
  };

  const write = (item: Value, depth: number): string => {
    meter.step();
    if (isString(item)) return quote(meter, plain(item), ascii);
    if (item === none) return 'null';
    if (typeof item === 'boolean' || typeof item === 'number') return String(item);
    if (item instanceof Float) return float(item.value);
    if (isList(item) || item instanceof Tuple) {
      const items = isList(item) ? item : item.items;
      return block(
        '[',
        items.map((inner) => () => write(inner, depth + 1)),
        ']',
        depth,
      );
    }
    if (!(item instanceof Dict)) throw new TemplateError(`a ${typeName(item)} cannot be written as JSON`);
    const entries = [...item.entries()].map(
      ([name, inner]) =>
        () =>
          quote(meter, key(name), ascii) + separators[1] + write(inner, depth + 1),
    );
    return block('{', entries, '}', depth);
  };

  return write(value, 0);
}
