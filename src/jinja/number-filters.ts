import { isSpace, strip } from './characters.ts';
import { TemplateError } from './errors.ts';
import { type Filter, filtersOf, type Given, type Run } from './filter.ts';
import { int, parseFloatText, parseInteger, roundFloat, roundInt } from './numbers.ts';
import { intArgument } from './signature.ts';
import { Float, isNumber, isString, numeric, plain, typeName, Undefined, type Value } from './values.ts';

function toInt({ meter }: Run, value: Value, [otherwise = 0, base = 10]: Given[]): Value {
  if (value instanceof Undefined) return value.fail();
  if (isString(value)) {
    const text = strip(plain(value), isSpace, 'both');
    meter.text(plain(value).length);
    const whole = parseInteger(text, intArgument(base, 'int'));
    if (whole !== undefined) return whole;
    const number = parseFloatText(text);
    return number === undefined || !Number.isFinite(number) ? otherwise : int(Math.trunc(number));
  }
  if (!isNumber(value)) return otherwise;
  const number = numeric(value);
  return Number.isFinite(number) ? int(Math.trunc(number)) : otherwise;
}

function toFloat({ meter }: Run, value: Value, [otherwise = new Float(0)]: Given[]): Value {
  if (value instanceof Undefined) return value.fail();
  if (isNumber(value)) return new Float(numeric(value));
  if (!isString(value)) return otherwise;
  meter.text(plain(value).length);
  const number = parseFloatText(strip(plain(value), isSpace, 'both'));
  return number === undefined ? otherwise : new Float(number);
}

function number(value: Value, filter: string): number | boolean | Float {
  if (value instanceof Undefined) return value.fail();
  if (!isNumber(value)) throw new TemplateError(`the filter "${filter}" needs a number, not a ${typeName(value)}`);
  return value;
}

function abs(_: Run, value: Value): Value {
  const given = number(value, 'abs');
  return given instanceof Float ? new Float(Math.abs(given.value)) : Math.abs(Number(given));
}

function round(_: Run, value: Value, [precision = 0, method = 'common']: Given[]): Value {
  const given = number(value, 'round');
  const decimals = intArgument(precision, 'round');
  if (method === 'common') {
    if (given instanceof Float) return new Float(roundFloat(given.value, decimals));
    return decimals < 0 ? roundInt(Number(given), -decimals) : Number(given);
  }
  if (method !== 'ceil' && method !== 'floor')
    throw new TemplateError('the filter "round" rounds "common", "ceil" or "floor"');
  const factor = 10 ** decimals;
  const scaled = numeric(given) * factor;
  if (!Number.isFinite(scaled)) throw new TemplateError('an infinite number cannot be rounded so');
  return new Float((method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled)) / factor + 0);
}

/** Filters that give a number. */
export const numberFilters: readonly [string, Filter][] = filtersOf({
  abs: ['', abs],
  float: ['default?', toFloat],
  int: ['default? base?', toInt],
  round: ['precision? method?', round],
});
