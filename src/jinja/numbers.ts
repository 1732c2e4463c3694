import { notSupported, TemplateError } from './errors.ts';

/** An int of Python that JavaScript's numbers can hold; others are refused. */
export function int(value: number): number {
  if (!Number.isSafeInteger(value)) throw notSupported('an integer beyond 2 ** 53');
  return value + 0;
}

/** Significant digits and the exponent of the first, of a finite number that is not negative. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

function parts(text: string): Decimal {
  const [mantissa = '', exponent] = text.split('e');
  return { digits: mantissa.replace('.', ''), exponent: Number(exponent) };
}

/** A number as `count` digits, a tie to even, as C rounds it. With less than one digit it is 0 or the next power. */
function rounded(value: number, count: number): Decimal {
  // All digits are needed to see a tie: JavaScript rounds ties up.
  const { digits, exponent } = parts(value.toExponential(100));
  if (value === 0 || count > 100) return { digits: digits.padEnd(count, '0').slice(0, Math.max(count, 0)), exponent };
  if (count < 0) return { digits: '', exponent };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const tie = /^50*$/.test(rest);
  const up = tie ? Number(kept.slice(-1)) % 2 === 1 : rest >= '5';
  if (!up) return { digits: kept, exponent };
  const next = String(BigInt(kept || '0') + 1n).padStart(count, '0');
  return next.length > count
    ? { digits: next.slice(0, Math.max(count, 1)), exponent: exponent + 1 }
    : { digits: next, exponent };
}

/** Formats like "%.<precision>e" in C. */
export function exponential(value: number, precision: number): string {
  const { digits, exponent } = rounded(value, precision + 1);
  const size = String(Math.abs(exponent)).padStart(2, '0');
  return `${digits[0]}${precision > 0 ? `.${digits.slice(1)}` : ''}e${exponent < 0 ? '-' : '+'}${size}`;
}

/** Formats like "%.<precision>f" in C. */
export function fixed(value: number, precision: number): string {
  const before = parts(value.toExponential(100)).exponent;
  const { digits, exponent } = rounded(value, before + 1 + precision);
  const all =
    exponent < 0 || digits === '' ? digits.padStart(precision + 1, '0') : digits.padEnd(exponent + 1 + precision, '0');
  const point = all.length - precision;
  return precision > 0 ? `${all.slice(0, point)}.${all.slice(point)}` : all;
}

/** Formats like "%.<precision>g" in C; `alternate` keeps the zeros at the end. */
export function general(value: number, precision: number, alternate: boolean): string {
  const count = Math.max(1, precision);
  const { exponent } = rounded(value, count);
  const short = exponent < -4 || exponent >= count;
  const text = short ? exponential(value, count - 1) : fixed(value, count - 1 - exponent);
  if (alternate || !text.includes('.')) return text;
  return text.replace(/\.?0*(?=e|$)/, '');
}

/** The shortest text that is read as the same number, in Python's notation. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const { digits, exponent } = parts(Math.abs(value).toExponential());
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0');
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : '';
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

/** A float rounded to so many decimals, a tie to even. */
export function roundFloat(value: number, decimals: number): number {
  if (!Number.isFinite(value) || decimals > 100) return value;
  const size = Math.abs(value);
  const result = decimals >= 0 ? Number(fixed(size, decimals)) : roundWhole(size, -decimals);
  return value < 0 || Object.is(value, -0) ? -result : result;
}

function roundWhole(size: number, zeros: number): number {
  const { digits, exponent } = rounded(size, parts(size.toExponential(100)).exponent + 1 - zeros);
  return digits === '' ? 0 : Number(`${digits}e${Math.max(exponent - digits.length + 1, zeros)}`);
}

/** An int rounded to so many zeros at its end, a tie to even. */
export const roundInt = (value: number, zeros: number): number =>
  int(Math.sign(value) * roundWhole(Math.abs(value), zeros));

/** Parses like Python's int(text, base); undefined if the text is no int. */
export function parseInteger(text: string, base: number): number | undefined {
  if (base !== 0 && (base < 2 || base > 36)) return undefined;
  const match = /^([-+]?)(?:0([xXoObB]))?(_?[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)$/.exec(text);
  if (!match) return /\P{ASCII}/u.test(text) ? foreignDigits(text) : undefined;
  const [, sign = '', letter = '', body = ''] = match;
  const prefixes: Readonly<Record<string, number>> = { x: 16, o: 8, b: 2 };
  const named = prefixes[letter.toLowerCase()];
  let digits = body;
  let radix = base;
  if (named !== undefined && (base === 0 || base === named)) radix = named;
  else if (letter !== '') digits = `0${letter}${body}`;
  if (radix === 0) {
    if (/^0[0_]*[1-9]/.test(digits)) return undefined;
    radix = 10;
  }
  if (digits.startsWith('_') && (letter === '' || radix !== named)) return undefined;
  let value = 0;
  for (const digit of digits.replaceAll('_', '').toLowerCase()) {
    const worth = Number.parseInt(digit, 36);
    if (!(worth < radix)) return undefined;
    value = value * radix + worth;
  }
  return int(sign === '-' ? -value : value);
}

function foreignDigits(text: string): undefined {
  if (/\p{Nd}/u.test(text)) throw notSupported('a number in other digits than 0 to 9');
  return undefined;
}

/** Parses like Python's float(text); undefined if the text is no number. */
export function parseFloatText(text: string): number | undefined {
  const word = /^([-+]?)(?:(inf(?:inity)?)|nan)$/i.exec(text);
  if (word) return word[2] === undefined ? Number.NaN : Number(`${word[1]}Infinity`);
  const digits = '[0-9]+(?:_[0-9]+)*';
  const number = new RegExp(`^[-+]?(?:${digits}\\.?(?:${digits})?|\\.${digits})(?:[eE][-+]?${digits})?$`);
  if (!number.test(text)) return /\P{ASCII}/u.test(text) ? foreignDigits(text) : undefined;
  return Number(text.replaceAll('_', ''));
}

/** The remainder that has the sign of the divisor. */
export function modulo(a: number, b: number): number {
  if (b === 0) throw new TemplateError('division by zero');
  const rest = a % b;
  if (rest === 0) return b < 0 ? -0 : 0;
  return rest < 0 !== b < 0 ? rest + b : rest;
}
