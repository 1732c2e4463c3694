import { at } from '../base/at.ts';
import { notSupported } from './errors.ts';

const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

const two = (n: number): string => String(n).padStart(2, '0');
const hour12 = (date: Date): number => date.getHours() % 12 || 12;
const month = (date: Date): string => at(months, date.getMonth());
const day = (date: Date): string => at(days, date.getDay());
/** Day of the year, from 0 on. */
const dayOfYear = (date: Date): number =>
  (Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000;
/** Weeks that have begun in the year, on Sundays (0) or Mondays (1). */
const week = (date: Date, begin: number): number =>
  Math.floor((dayOfYear(date) + 7 - ((date.getDay() + 7 - begin) % 7)) / 7);

const fields: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => two(date.getFullYear() % 100),
  C: (date) => two(Math.floor(date.getFullYear() / 100)),
  m: (date) => two(date.getMonth() + 1),
  B: month,
  b: (date) => month(date).slice(0, 3),
  h: (date) => month(date).slice(0, 3),
  d: (date) => two(date.getDate()),
  e: (date) => String(date.getDate()).padStart(2),
  j: (date) => String(dayOfYear(date) + 1).padStart(3, '0'),
  A: day,
  a: (date) => day(date).slice(0, 3),
  w: (date) => String(date.getDay()),
  u: (date) => String(date.getDay() || 7),
  U: (date) => two(week(date, 0)),
  W: (date) => two(week(date, 1)),
  H: (date) => two(date.getHours()),
  I: (date) => two(hour12(date)),
  k: (date) => String(date.getHours()).padStart(2),
  l: (date) => String(hour12(date)).padStart(2),
  M: (date) => two(date.getMinutes()),
  S: (date) => two(date.getSeconds()),
  f: (date) => `${String(date.getMilliseconds()).padStart(3, '0')}000`,
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  P: (date) => (date.getHours() < 12 ? 'am' : 'pm'),
  // Dates without a time zone have none to name.
  z: () => '',
  Z: () => '',
  n: () => '\n',
  t: () => '\t',
  '%': () => '%',
};

/** Fields that stand for several. */
const combined: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  r: '%I:%M:%S %p',
  T: '%H:%M:%S',
  X: '%H:%M:%S',
  x: '%m/%d/%y',
};

const refused = new Set(['E', 'G', 'g', 'O', 's', 'V', '+']);

/**
 * A date in local time, in C's notation and in English whatever the locale, as models saw it in training. "%-d" is "%d"
 * without a leading zero. Unknown fields stay as they are. Throws TemplateError for C's fields that are not supported.
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%+])/g, (field, bare: string, name: string) => {
    if (refused.has(name)) throw notSupported(`the field "%${name}" of a date`);
    const several = combined[name];
    if (several !== undefined) return strftime(date, several);
    const value = fields[name]?.(date);
    if (value === undefined) return field;
    return bare ? value.replace(/^[0 ]+(?=.)/, '') : value;
  });
}
