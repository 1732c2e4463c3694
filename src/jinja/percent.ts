import { notSupported, TemplateError } from './errors.ts';
import { type FieldLayout, pad } from './format-spec.ts';
import { escapeHtml } from './markup.ts';
import type { RenderMeter } from './meter.ts';
import { exponential, fixed, floatText, general, int } from './numbers.ts';
import { pythonStr, repr } from './print.ts';
import {
  Dict,
  Float,
  IntRange,
  isInt,
  isList,
  isNumber,
  isString,
  Markup,
  numeric,
  plain,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values.ts';

const field = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|[0-9]+)?(?:\.(\*|[0-9]*))?[hlL]?([\s\S]|$)/gu;

/** The values that fields take, one after the other or by name. */
class Values {
  readonly #items: readonly Value[];
  readonly #dict: Dict | undefined;
  /** True for values that Python takes for a mapping: they need not be used. */
  readonly #optional: boolean;
  #next = 0;

  constructor(values: Value) {
    this.#items = values instanceof Tuple ? values.items : [values];
    this.#dict = values instanceof Dict ? values : undefined;
    this.#optional = isList(values) || [Dict, Undefined, IntRange].some((type) => values instanceof type);
  }

  next(): Value {
    const value = this.#items[this.#next];
    if (value === undefined) throw new TemplateError('there are not enough values for the format');
    this.#next += 1;
    return value;
  }

  size(): number {
    const value = this.next();
    if (typeof value !== 'number') throw new TemplateError('"*" needs an int');
    return value;
  }

  named(meter: RenderMeter, name: string): Value {
    if (!this.#dict) throw new TemplateError('a format with names needs a dict');
    const value = this.#dict.get(meter, name);
    if (value === undefined) throw new TemplateError(`there is no value ${JSON.stringify(name)} for the format`);
    return value;
  }

  /** Throws TemplateError if some values are left. */
  end(): void {
    if (this.#next < this.#items.length && !this.#optional) {
      throw new TemplateError('there are more values than the format has fields');
    }
  }
}

function number(value: Value, type: string): number | boolean | Float {
  if (value instanceof Undefined) return value.fail();
  if (!isNumber(value)) throw new TemplateError(`%${type} needs a number, not a ${typeName(value)}`);
  return value;
}

/** A number without its sign, and its prefix. */
function body(meter: RenderMeter, value: Value, { type, precision, alternate }: FieldLayout): [string, string] {
  const given = number(value, type);
  const size = Math.abs(numeric(given));
  if (/[eEfFgG]/.test(type)) {
    if (!Number.isFinite(size)) return [floatText(size), ''];
    const decimals = precision ?? 6;
    meter.text(decimals + 320);
    if (decimals > 1000) throw notSupported('a precision of more than 1000 digits');
    const point = alternate && decimals === 0 ? '.' : '';
    if (/[fF]/.test(type)) return [fixed(size, decimals) + point, ''];
    if (/[gG]/.test(type)) return [general(size, decimals, alternate), ''];
    return [exponential(size, decimals).replace('e', `${point}e`), ''];
  }
  if (/[xXo]/.test(type) && !isInt(given)) throw new TemplateError(`%${type} needs an int`);
  if (!Number.isFinite(size)) throw new TemplateError(`%${type} needs a finite number`);
  const radix = type === 'o' ? 8 : /[xX]/.test(type) ? 16 : 10;
  const digits = int(Math.trunc(size)).toString(radix);
  meter.text(precision ?? 0);
  return [digits.padStart(precision ?? 0, '0'), alternate && radix !== 10 ? `0${type.toLowerCase()}` : ''];
}

function character(value: Value): string {
  if (isString(value) && [...plain(value)].length === 1) return plain(value);
  if (!isInt(value) || Number(value) < 0 || Number(value) > 0x10ffff) throw new TemplateError('%c needs a character');
  return String.fromCodePoint(Number(value));
}

function formatted(meter: RenderMeter, value: Value, layout: FieldLayout, marked: boolean): string {
  const { type, precision, sign } = layout;
  const blank: FieldLayout = { ...layout, fill: ' ', align: layout.align === '<' ? '<' : '>' };
  if (type === 'c') return pad(meter, character(value), blank);
  if (type === 's' || type === 'r' || type === 'a') {
    if (type === 'a') throw notSupported('%a');
    const raw = type === 's' ? pythonStr(meter, value) : repr(meter, value);
    const text = marked ? escapeHtml(meter, type === 's' && value instanceof Markup ? value : raw).text : raw;
    meter.text(text.length);
    return pad(meter, precision === undefined ? text : [...text].slice(0, precision).join(''), blank);
  }
  const [digits, prefix] = body(meter, value, layout);
  const given = numeric(number(value, type));
  const negative = given < 0 || (value instanceof Float && Object.is(given, -0) && /[eEfFgG]/.test(type));
  const text = /[EGFX]/.test(type) ? digits.toUpperCase() : digits;
  const front =
    (negative && !(/[diu]/.test(type) && Math.trunc(given) === 0) ? '-' : sign) +
    (type === 'X' ? prefix.toUpperCase() : prefix);
  return pad(meter, text, layout, front);
}

/** Formats like Python's `text % values`. Throws TemplateError. */
export function percent(meter: RenderMeter, text: string | Markup, values: Value): Value {
  const source = plain(text);
  const taken = new Values(values);
  let result = '';
  let at = 0;
  meter.text(source.length);
  for (const match of source.matchAll(field)) {
    const [all, name, flags = '', width, precision, type = ''] = match;
    result += source.slice(at, match.index);
    at = match.index + all.length;
    if (type === '%' && name === undefined) {
      result += '%';
      continue;
    }
    if (!/[diouxXeEfFgGcrsa%]/.test(type) || type === '')
      throw new TemplateError(`the format ${JSON.stringify(all)} is not valid`);
    const dynamic = width === '*' ? taken.size() : Number(width ?? 0);
    const left = flags.includes('-') || dynamic < 0;
    const digits =
      precision === '*' ? Math.max(0, taken.size()) : precision === undefined ? undefined : Number(precision);
    const layout: FieldLayout = {
      fill: flags.includes('0') && !left ? '0' : ' ',
      align: left ? '<' : flags.includes('0') ? '=' : '>',
      sign: flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '',
      alternate: flags.includes('#'),
      width: Math.abs(dynamic),
      grouping: '',
      precision: digits,
      type,
    };
    const value = name === undefined ? taken.next() : taken.named(meter, name);
    result += type === '%' ? '%' : formatted(meter, value, layout, text instanceof Markup);
  }
  taken.end();
  result += source.slice(at);
  return text instanceof Markup ? new Markup(result) : result;
}
