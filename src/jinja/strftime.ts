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
const month = (date: Date): string => months[date.getMonth()] ?? '';
const day = (date: Date): string => days[date.getDay()] ?? '';

const fields: Readonly<Record<string, (date: Date) => string>> = {
  Y: (date) => String(date.getFullYear()),
  y: (date) => two(date.getFullYear() % 100),
  m: (date) => two(date.getMonth() + 1),
  B: month,
  b: (date) => month(date).slice(0, 3),
  d: (date) => two(date.getDate()),
  e: (date) => String(date.getDate()).padStart(2),
  A: day,
  a: (date) => day(date).slice(0, 3),
  H: (date) => two(date.getHours()),
  I: (date) => two(hour12(date)),
  M: (date) => two(date.getMinutes()),
  S: (date) => two(date.getSeconds()),
  p: (date) => (date.getHours() < 12 ? 'AM' : 'PM'),
  '%': () => '%',
};

/**
 * A date in local time, in C's notation and in English whatever the locale, as models saw it in training.
 * "%-d" is "%d" without a leading zero. Unknown fields stay as they are.
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (field, bare: string, name: string) => {
    const value = fields[name]?.(date);
    if (value === undefined) return field;
    return bare ? value.replace(/^[0 ](?=.)/, '') : value;
  });
}
