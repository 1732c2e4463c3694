import { lengthOf } from './characters.ts';
import { notSupported, TemplateError } from './errors.ts';
import type { RenderMeter } from './meter.ts';
import { exponential, fixed, floatText, general } from './numbers.ts';
import { pythonStr } from './print.ts';
import { Float, isNumber, isString, numeric, plain, typeName, type Value } from './values.ts';

/** Layout of a value: Python's format specification, or the flags and sizes after a "%". */
export interface FieldLayout {
  readonly fill: string;
  readonly align: '' | '<' | '>' | '=' | '^';
  readonly sign: '' | '+' | '-' | ' ';
  readonly alternate: boolean;
  readonly width: number;
  readonly grouping: '' | ',' | '_';
  readonly precision: number | undefined;
  readonly type: string;
}

const pattern = /^(?:([\s\S])?([<>=^]))?([-+ ])?(#)?(0)?([0-9]*)([,_])?(?:\.([0-9]+))?([a-zA-Z%])?$/u;

/** Parses a format specification. Throws TemplateError. */
function parseLayout(spec: string): FieldLayout {
  const match = pattern.exec(spec);
  if (!match) throw new TemplateError(`the format ${JSON.stringify(spec)} is not valid`);
  const [, fill, align, sign = '', alternate, zero, width, grouping = '', precision, type = ''] = match;
  return {
    fill: fill ?? (zero ? '0' : ' '),
    align: (align ?? (zero ? '=' : '')) as FieldLayout['align'],
    sign: sign as FieldLayout['sign'],
    alternate: alternate !== undefined,
    width: Number(width || 0),
    grouping: grouping as FieldLayout['grouping'],
    precision: precision === undefined ? undefined : Number(precision),
    type,
  };
}

/** A text with its width filled up. */
export function pad(meter: RenderMeter, text: string, { fill, align, width }: FieldLayout, sign = ''): string {
  const missing = width - lengthOf(text) - sign.length;
  meter.text(text.length + Math.max(0, missing));
  if (missing <= 0) return sign + text;
  if (align === '=') return sign + fill.repeat(missing) + text;
  const before = align === '>' ? missing : align === '^' ? Math.floor(missing / 2) : 0;
  return fill.repeat(before) + sign + text + fill.repeat(missing - before);
}

/** Digits before the point in groups. */
function grouped(digits: string, separator: string, size: number): string {
  const [, whole = '', rest = ''] = /^([0-9a-fA-F]*)([\s\S]*)$/.exec(digits) ?? [];
  const groups: string[] = [];
  for (let end = whole.length; end > 0; end -= size) groups.unshift(whole.slice(Math.max(0, end - size), end));
  return groups.join(separator) + rest;
}

/** A float without its sign. */
function floatBody(meter: RenderMeter, size: number, { type, precision, alternate }: FieldLayout): string {
  if (!Number.isFinite(size))
    return /[EFG]/.test(type) ? floatText(size).toUpperCase() : floatText(size) + (type === '%' ? '%' : '');
  const decimals = precision ?? 6;
  if (decimals > 1000) throw notSupported('a precision of more than 1000 digits');
  meter.text(decimals + 320);
  const point = alternate && decimals === 0 ? '.' : '';
  switch (type.toLowerCase()) {
    case 'e': {
      const [mantissa, exponent] = exponential(size, decimals).split('e');
      return `${mantissa}${point}e${exponent}`;
    }
    case 'f':
      return fixed(size, decimals) + point;
    case '%':
      return `${fixed(size * 100, decimals)}${point}%`;
    case 'g':
    case 'n':
      return general(size, decimals, alternate);
    default: {
      if (precision === undefined) return floatText(size);
      const text = general(size, precision, alternate);
      // A float always shows that it is one.
      if (/[.e]/.test(text)) return text;
      return lengthOf(text) >= Math.max(1, precision) ? exponentOf(size, precision) : `${text}.0`;
    }
  }
}

/** The exponential form: without a type, the precision allows one digit fewer behind the point. */
const exponentOf = (size: number, precision: number): string =>
  exponential(size, Math.max(0, precision - 1)).replace(/\.?0*(?=e)/, '');

const radixes: Readonly<Record<string, number>> = { b: 2, o: 8, x: 16, X: 16 };

function formatNumber(meter: RenderMeter, value: number | boolean | Float, layout: FieldLayout): string {
  const { type, sign: wanted, grouping } = layout;
  const number = numeric(value);
  const negative = number < 0 || (value instanceof Float && Object.is(number, -0));
  const sign = negative ? '-' : wanted === '-' ? '' : wanted;
  const size = Math.abs(number);
  const right: FieldLayout = { ...layout, align: layout.align || '>' };
  if (grouping !== '' && layout.align === '=' && layout.fill === '0')
    throw notSupported('a format with "0" and grouping');
  if (value instanceof Float || /[eEfFgG%]/.test(type)) {
    if (!/^[eEfFgGn%]?$/.test(type)) throw new TemplateError(`a float cannot be formatted as "${type}"`);
    let body = floatBody(meter, size, layout);
    if (grouping !== '') body = grouped(body, grouping, 3);
    return pad(meter, /[EG]/.test(type) ? body.toUpperCase() : body, right, sign);
  }
  if (layout.precision !== undefined) throw new TemplateError('an integer has no precision');
  if (type === 'c') {
    if (wanted !== '' || !(size <= 0x10ffff) || negative) throw new TemplateError('not a character');
    return pad(meter, String.fromCodePoint(size), { ...layout, align: layout.align || '<' });
  }
  const radix = radixes[type];
  if (radix === undefined && !/^[dn]?$/.test(type)) throw new TemplateError(`an int cannot be formatted as "${type}"`);
  let body = size.toString(radix ?? 10);
  if (grouping !== '') body = grouped(body, grouping, radix === undefined ? 3 : 4);
  if (type === 'X') body = body.toUpperCase();
  const prefix = radix !== undefined && layout.alternate ? `0${type}` : '';
  return pad(meter, body, right, sign + prefix);
}

/** Formats like Python's format(value, spec). Throws TemplateError. */
export function formatValue(meter: RenderMeter, value: Value, spec: string): string {
  if (spec === '') return pythonStr(meter, value);
  const layout = parseLayout(spec);
  if (isNumber(value) && !(typeof value === 'boolean' && layout.type === 's'))
    return formatNumber(meter, value, layout);
  if (!isString(value)) throw new TemplateError(`a ${typeName(value)} takes no format`);
  const { type, sign, grouping, alternate, precision, align } = layout;
  if ((type !== '' && type !== 's') || sign || grouping || alternate)
    throw new TemplateError(`a text cannot be formatted as "${spec}"`);
  const text = plain(value);
  const zero = align === '=' && /^[^=]*0/.test(spec) && !spec.includes('=');
  if (align === '=' && !zero) throw new TemplateError('a text has no sign to align after');
  meter.text(text.length);
  const shown = precision === undefined ? text : [...text].slice(0, precision).join('');
  return pad(meter, shown, { ...layout, align: zero || align === '' ? '<' : align });
}
