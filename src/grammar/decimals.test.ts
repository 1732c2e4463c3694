import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { acceptor as matcher } from './accepts.ts';
import { integersBetween, numbersBetween } from './decimals.ts';

const decimal = fc
  .tuple(fc.integer({ min: -12_000, max: 12_000 }), fc.constantFrom(1, 10, 100, 1000))
  .map(([value, divisor]) => value / divisor);
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined });

test('the integers of bounds are those between them, and no others', () => {
  const integer = fc.bigInt({ min: -1200n, max: 1200n });
  fc.assert(
    fc.property(maybe(integer), maybe(integer), fc.array(integer), (min, max, values) => {
      const matches = matcherOrNone(() => matcher(integersBetween(min, max)));
      for (const value of values) {
        assert.equal(matches(`${value}`), (min ?? value) <= value && value <= (max ?? value), `${value}`);
        assert.ok(!matches(`0${value}`));
      }
    }),
  );
});

test('the numbers of bounds are those between them, and no others', () => {
  fc.assert(
    fc.property(
      maybe(decimal),
      maybe(decimal),
      fc.boolean(),
      fc.boolean(),
      fc.array(decimal, { maxLength: 20 }),
      (min, max, aboveMin, belowMax, values) => {
        const matches = matcherOrNone(() => matcher(numbersBetween({ min, max, aboveMin, belowMax })));
        for (const value of [...values, min ?? 0, max ?? 0]) {
          const isAbove = min === undefined || value > min || (value === min && !aboveMin);
          const isBelow = max === undefined || value < max || (value === max && !belowMax);
          assert.equal(matches(`${value}`), isAbove && isBelow, `${value}`);
          assert.equal(matches(value.toFixed(5)), isAbove && isBelow, value.toFixed(5));
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('there are no more digits behind the point than places', () => {
  const matches = matcher(numbersBetween({ min: 0.5, max: 12.75 }, 2));
  for (const text of ['0.5', '0.51', '1', '12.7', '12.75', '3.99']) assert.ok(matches(text), text);
  for (const text of ['0.499', '0.501', '12.751', '12.76', '13', '-1']) assert.ok(!matches(text), text);
});

/** A matcher, or one of no text where bounds leave none. */
function matcherOrNone(make: () => (text: string) => boolean): (text: string) => boolean {
  try {
    return make();
  } catch {
    return () => false;
  }
}
