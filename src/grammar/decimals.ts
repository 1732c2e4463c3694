import { characters, choice, concat, type GrammarNode, literal, maybe, repeat } from './node.ts';

/** Bounds of a number. They are finite, and have no more than 15 digits. */
export interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** True if the number is not the bound itself. */
  readonly aboveMin?: boolean | undefined;
  readonly belowMax?: boolean | undefined;
}

/** The most digits before the point, where nothing bounds them, and behind it. */
const mostDigits = 15;

const digits = (from: number, to: number): GrammarNode => characters({ first: 48 + from, last: 48 + to });
const digit = digits(0, 9);
const none = choice();

/** A bound of a number that is not negative, as it is written. */
interface Decimal {
  readonly whole: bigint;
  /** Digits behind the point, without zeros at the end. */
  readonly fraction: string;
  /** True if the number is not the bound itself. */
  readonly open: boolean;
}

/** Whole numbers within bounds, both included. */
export function integersBetween(min: bigint | undefined, max: bigint | undefined): GrammarNode {
  const largest = 10n ** BigInt(mostDigits) - 1n;
  const low = min ?? (max !== undefined && max < -largest ? max : -largest);
  const high = max ?? (min !== undefined && min > largest ? min : largest);
  const negative = low < 0n ? concat(literal('-'), wholeBetween(high < 0n ? -high : 1n, -low)) : none;
  return choice(negative, high >= 0n ? wholeBetween(low > 0n ? low : 0n, high) : none);
}

/** Numbers within bounds, with at most `places` digits behind the point: as many as there are is any number. */
export function numbersBetween({ min, max, aboveMin, belowMax }: Bounds, places: number = mostDigits): GrammarNode {
  // Numbers of 64 bits keep 15 digits in all.
  const digits = places < mostDigits ? mostDigits - places : mostDigits;
  const largest: Decimal = { whole: 10n ** BigInt(digits), fraction: '', open: true };
  const zero: Decimal = { whole: 0n, fraction: '', open: false };
  const side = (low: number | undefined, lowOpen = false, high: number | undefined, highOpen = false): GrammarNode => {
    if (high !== undefined && high < 0) return none;
    const from = low === undefined || low < 0 ? zero : decimalOf(low, lowOpen);
    return decimalsBetween(from, high === undefined ? largest : decimalOf(high, highOpen), places);
  };
  const mirrored = (bound: number | undefined): number | undefined => (bound === undefined ? undefined : -bound);
  const below = side(mirrored(max), belowMax, mirrored(min), aboveMin);
  return choice(side(min, aboveMin, max, belowMax), concat(literal('-'), below));
}

function decimalOf(value: number, open: boolean): Decimal {
  const shortest = `${value}`;
  const [whole = '0', fraction = ''] = (/e/.test(shortest) ? value.toFixed(mostDigits) : shortest).split('.');
  return { whole: BigInt(whole), fraction: fraction.replace(/0+$/, ''), open };
}

/** Whole numbers that are not negative, from `low` to `high`. */
function wholeBetween(low: bigint, high: bigint): GrammarNode {
  const parts: GrammarNode[] = [];
  for (let first = low; first <= high; ) {
    const end = 10n ** BigInt(`${first}`.length) - 1n;
    const last = end < high ? end : high;
    parts.push(sameLength(`${first}`, `${last}`));
    first = last + 1n;
  }
  return choice(...parts);
}

/** Digits that are as many as those of `low` and `high`, and between them. */
function sameLength(low: string, high: string): GrammarNode {
  if (/^0*$/.test(low) && /^9*$/.test(high)) return repeat(digit, low.length, low.length);
  const [a, b] = [Number(low[0]), Number(high[0])];
  const [lows, highs] = [low.slice(1), high.slice(1)];
  if (a === b) return concat(digits(a, a), sameLength(lows, highs));
  return choice(
    concat(digits(a, a), sameLength(lows, '9'.repeat(lows.length))),
    ...(b - a > 1 ? [concat(digits(a + 1, b - 1), repeat(digit, lows.length, lows.length))] : []),
    concat(digits(b, b), sameLength('0'.repeat(highs.length), highs)),
  );
}

/** Numbers that are not negative, between two bounds. */
function decimalsBetween(low: Decimal, high: Decimal, places: number): GrammarNode {
  if (low.whole > high.whole) return none;
  const point = (fraction: GrammarNode): GrammarNode => concat(literal('.'), fraction);
  const anyFraction = places > 0 ? maybe(point(repeat(digit, 1, places))) : literal('');
  if (low.whole === high.whole) {
    return concat(literal(`${low.whole}`), fractionIn(low, high, places, point));
  }
  const lowest = concat(
    literal(`${low.whole}`),
    choice(
      ...(low.fraction === '' && !low.open ? [literal('')] : []),
      point(atLeast(low.fraction, low.open, places, true)),
    ),
  );
  const highest = concat(
    literal(`${high.whole}`),
    choice(
      ...(high.fraction !== '' || !high.open ? [literal('')] : []),
      point(atMost(high.fraction, high.open, places, true)),
    ),
  );
  return choice(lowest, concat(wholeBetween(low.whole + 1n, high.whole - 1n), anyFraction), highest);
}

/** The fractions of numbers whose bounds have the same whole part. */
function fractionIn(
  low: Decimal,
  high: Decimal,
  places: number,
  point: (fraction: GrammarNode) => GrammarNode,
): GrammarNode {
  const isWhole = low.fraction === '' && !low.open && (high.fraction !== '' || !high.open);
  return choice(
    ...(isWhole ? [literal('')] : []),
    point(within(low.fraction, high.fraction, [low.open, high.open], places, true)),
  );
}

/** Digits, `left` at most, for which 0.digits is at least 0.bound, or more than that; no digits unless `first`. */
function atLeast(bound: string, open: boolean, left: number, first = false): GrammarNode {
  if (/^0*$/.test(bound)) {
    const zeros = repeat(digits(0, 0), 0, left - 1);
    if (open) return left < 1 ? none : concat(zeros, digits(1, 9), repeat(digit, 0, left - 1));
    return left < 1 ? (first ? none : literal('')) : repeat(digit, first ? 1 : 0, left);
  }
  if (left < 1) return none;
  const next = Number(bound[0]);
  return choice(
    ...(next < 9 ? [concat(digits(next + 1, 9), repeat(digit, 0, left - 1))] : []),
    concat(digits(next, next), atLeast(bound.slice(1), open, left - 1)),
  );
}

/** Digits for which 0.digits is at most 0.bound, or less than that. */
function atMost(bound: string, open: boolean, left: number, first = false): GrammarNode {
  const end = first ? none : literal('');
  if (/^0*$/.test(bound)) return open ? none : left < 1 ? end : repeat(digits(0, 0), first ? 1 : 0, left);
  if (left < 1) return end;
  const next = Number(bound[0]);
  return choice(
    end,
    ...(next > 0 ? [concat(digits(0, next - 1), repeat(digit, 0, left - 1))] : []),
    concat(digits(next, next), atMost(bound.slice(1), open, left - 1)),
  );
}

/** Digits for which 0.digits lies between two bounds; `open` says of each that it is none of the numbers. */
function within(
  low: string,
  high: string,
  open: readonly [low: boolean, high: boolean],
  left: number,
  first = false,
): GrammarNode {
  const isZero = /^0*$/.test(low);
  if (isZero && !open[0]) return atMost(high, open[1], left, first);
  if (left < 1 || /^0*$/.test(high)) return none;
  // Behind its digits a number goes on with zeros, and no digit is zero as well.
  const [a, b] = [Number(low.slice(0, 1)), Number(high.slice(0, 1))];
  if (a > b) return none;
  if (a === b) return concat(digits(a, a), within(low.slice(1), high.slice(1), open, left - 1));
  return choice(
    concat(digits(a, a), atLeast(low.slice(1), open[0], left - 1)),
    ...(b - a > 1 ? [concat(digits(a + 1, b - 1), repeat(digit, 0, left - 1))] : []),
    concat(digits(b, b), atMost(high.slice(1), open[1], left - 1)),
  );
}
