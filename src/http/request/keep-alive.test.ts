import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { guarded } from '../../../test/support/guarded.ts';
import { keepAliveSchema } from './keep-alive.ts';

test('a number is seconds, and so is one in quotes', () => {
  for (const [given, seconds] of [
    [300, 300],
    [0, 0],
    [0.5, 0.5],
    ['300', 300],
    ['0', 0],
    ['+2.5', 2.5],
  ] as const) {
    assert.equal(keepAliveSchema.parse(given), seconds);
  }
});

test('durations are read as Go writes them', () => {
  for (const [given, seconds] of [
    ['5m', 300],
    ['1h30m', 5400],
    ['1.5s', 1.5],
    ['.5m', 30],
    ['2.h', 7200],
    ['1m0.25s', 60.25],
    ['100ms', 0.1],
    ['250us', 0.00025],
    ['250µs', 0.00025],
    ['250μs', 0.00025],
    ['0s', 0],
  ] as const) {
    assert.ok(Math.abs((keepAliveSchema.parse(given) ?? Number.NaN) - seconds) < 1e-9, given);
  }
});

test('hours, minutes and seconds add up', () => {
  const part = fc.integer({ min: 0, max: 999 });
  fc.assert(
    fc.property(part, part, part, (h, m, s) => {
      assert.equal(keepAliveSchema.parse(`${h}h${m}m${s}s`), h * 3600 + m * 60 + s);
    }),
  );
});

test('less than nothing, and more than a date can hold, is forever', () => {
  for (const given of [-1, -0.5, '-1', '-1s', '-1h30m', 1e300, '9999999h']) {
    assert.equal(keepAliveSchema.parse(given), Number.POSITIVE_INFINITY);
  }
});

test('null and nothing are not given', () => {
  assert.equal(keepAliveSchema.parse(null), undefined);
  assert.equal(keepAliveSchema.parse(undefined), undefined);
});

test('what is no duration says what one looks like', () => {
  for (const given of ['', 'soon', '5 m', '5x', 'm', '.', '1h 30m', '--1s', true, {}, [5]]) {
    assert.match(keepAliveSchema.safeParse(given).error?.issues[0]?.message ?? '', /"5m"/, String(given));
  }
});

test('a long text of digits is refused without ado', () => {
  const { success } = guarded(() => keepAliveSchema.safeParse(`${'1'.repeat(2_000_000)}x`));
  assert.equal(success, false);
});
