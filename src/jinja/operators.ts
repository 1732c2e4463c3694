import type { BinaryOperator, Comparison } from './ast.ts';
import { contains, equal, order } from './compare.ts';
import { notSupported, TemplateError } from './errors.ts';
import { escapeHtml } from './markup.ts';
import type { RenderMeter } from './meter.ts';
import { int, modulo } from './numbers.ts';
import { percent } from './percent.ts';
import {
  Float,
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

function power(a: number, b: number, whole: boolean): number | Float {
  if (whole && b >= 0) {
    const bits = b * Math.log2(Math.abs(a) || 1);
    return int(bits > 60 ? Number.POSITIVE_INFINITY : Number(BigInt(a) ** BigInt(b)));
  }
  if (a === 0 && b < 0) throw new TemplateError('zero cannot be raised to a negative power');
  // Other powers differ in the last digit between libraries.
  if (b !== 0 && b !== 1 && b !== 2) throw notSupported('a power of floats beyond 2');
  const result = a ** b;
  if (!Number.isFinite(result) && Number.isFinite(a)) throw new TemplateError('the power is too large');
  return new Float(result);
}

function calculate(operator: BinaryOperator, a: number, b: number, whole: boolean): number | Float {
  const made = (value: number): number | Float => (whole ? int(value) : new Float(value));
  switch (operator) {
    case '+':
      return made(a + b);
    case '-':
      return made(a - b);
    case '*':
      return made(a * b);
    case '/':
      if (b === 0) throw new TemplateError('division by zero');
      return new Float(a / b);
    case '//':
      return made(floorDivide(a, b, whole));
    case '%':
      return made(modulo(a, b));
    default:
      return power(a, b, whole);
  }
}

/** Divides as Python does, rounding errors and all. */
function floorDivide(a: number, b: number, whole: boolean): number {
  const rest = modulo(a, b);
  if (whole) return (a - rest) / b;
  const remainder = a % b;
  const quotient = (a - remainder) / b - (remainder !== rest && remainder !== 0 ? 1 : 0);
  if (quotient === 0) return a / b < 0 || Object.is(a / b, -0) ? -0 : 0;
  const floor = Math.floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

/** Repeats a value; the copies are counted before they are made. */
function repeat(meter: RenderMeter, value: Value, times: number): Value | undefined {
  const count = Math.max(0, times);
  if (isString(value)) {
    const text = plain(value);
    meter.text(text.length * count);
    const repeated = text === '' ? '' : text.repeat(count);
    return value instanceof Markup ? new Markup(repeated) : repeated;
  }
  const items = isList(value) ? value : value instanceof Tuple ? value.items : undefined;
  if (!items) return undefined;
  meter.elements(items.length * count);
  const repeated = items.length === 0 ? [] : Array.from({ length: count }, () => items).flat();
  return isList(value) ? repeated : new Tuple(repeated);
}

/** Joins two texts. JavaScript keeps both and joins them when they are read, which is counted then. */
function joinTexts(meter: RenderMeter, a: string | Markup, b: string | Markup): string | Markup {
  meter.text(Math.min(plain(a).length, plain(b).length));
  if (typeof a === 'string' && typeof b === 'string') return a + b;
  return new Markup(escapeHtml(meter, a).text + escapeHtml(meter, b).text);
}

function add(meter: RenderMeter, a: Value, b: Value): Value | undefined {
  if (isString(a) && isString(b)) return joinTexts(meter, a, b);
  if (isList(a) && isList(b)) {
    meter.elements(a.length + b.length);
    return [...a, ...b];
  }
  if (!(a instanceof Tuple && b instanceof Tuple)) return undefined;
  meter.elements(a.items.length + b.items.length);
  return new Tuple([...a.items, ...b.items]);
}

/** Calculates like Python. Throws TemplateError for values without arithmetic. */
export function binary(meter: RenderMeter, operator: BinaryOperator, a: Value, b: Value): Value {
  if (isNumber(a) && isNumber(b)) {
    const result = calculate(operator, numeric(a), numeric(b), isInt(a) && isInt(b));
    if (result instanceof Float) meter.hold(16);
    return result;
  }
  if (operator === '%' && isString(a)) return percent(meter, a, b);
  if (a instanceof Undefined) return a.fail();
  if (b instanceof Undefined) return b.fail();
  let result: Value | undefined;
  if (operator === '+') result = add(meter, a, b);
  else if (operator === '*' && isInt(b)) result = repeat(meter, a, Number(b));
  else if (operator === '*' && isInt(a)) result = repeat(meter, b, Number(a));
  if (result === undefined) throw new TemplateError(`a ${typeName(a)} ${operator} a ${typeName(b)} makes nothing`);
  return result;
}

export function compare(meter: RenderMeter, operator: Comparison, a: Value, b: Value): boolean {
  switch (operator) {
    case '==':
      return equal(meter, a, b);
    case '!=':
      return !equal(meter, a, b);
    case 'in':
      return contains(meter, b, a);
    case 'not in':
      return !contains(meter, b, a);
    case '<':
      return order(meter, a, b) < 0;
    case '<=':
      return order(meter, a, b) <= 0;
    case '>':
      return order(meter, a, b) > 0;
    default:
      return order(meter, a, b) >= 0;
  }
}

export function negative(value: Value): Value {
  if (value instanceof Undefined) return value.fail();
  if (!isNumber(value)) throw new TemplateError(`a ${typeName(value)} has no negative`);
  return value instanceof Float ? new Float(-value.value) : int(-Number(value));
}

export function positive(value: Value): Value {
  if (value instanceof Undefined) return value.fail();
  if (!isNumber(value)) throw new TemplateError(`a ${typeName(value)} has no positive`);
  return value instanceof Float ? value : Number(value);
}
