import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  attendedRowCount,
  canTrim,
  type KvRows,
  rowOf,
  rowsOf,
  seenRows,
  sinkRow,
  sinkShiftsAt,
  sinkShiftTokens,
} from './rows.ts';

const anyWindow = fc.record({ tokens: fc.integer({ min: 1, max: 700 }), sinks: fc.nat(8) });
const anyCase = fc.record({
  window: anyWindow,
  pass: fc.integer({ min: 1, max: 512 }),
  context: fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.constant(2 ** 20)),
});

/** The rows of a layer, with the token that lies in each: a store as passes write it. */
class Written {
  readonly rows: KvRows;
  readonly tokens = new Map<number, number>();
  most = 0;

  constructor(rows: KvRows) {
    this.rows = rows;
  }

  pass(start: number, n: number): void {
    const sinks = this.rows.window?.sinks ?? 0;
    // The copies follow first.
    for (const position of [start, start + n - 1]) {
      const copy = sinkRow(this.rows, sinkShiftsAt(this.rows, position));
      for (let sink = 0; sink < Math.min(sinks, start); sink += 1) this.tokens.set(copy + sink, sink);
    }
    for (let position = start; position < start + n; position += 1) {
      const row = rowOf(this.rows, position);
      assert.ok(row < this.rows.count);
      this.tokens.set(row, position);
    }
    this.most = Math.max(this.most, start + n);
  }

  /** The tokens that the one at `position` sees. */
  seen(position: number, attended: number): readonly number[] {
    return seenRows(this.rows, position)
      .flatMap(([from, to]) => Array.from({ length: to - from }, (_, i) => from + i))
      .map((row) => {
        assert.ok(row < attended && attended <= this.rows.count, `row ${row} is beyond a reach of ${attended}`);
        return this.tokens.get(row) ?? assert.fail(`row ${row} was never written`);
      })
      .toSorted((a, b) => a - b);
  }
}

/** The tokens that a token sees by definition: the sinks, and the last tokens. */
const visible = (position: number, window: { tokens: number; sinks: number } | undefined): readonly number[] =>
  Array.from({ length: position + 1 }, (_, i) => i).filter(
    (token) => !window || token < window.sinks || token > position - window.tokens,
  );

test('each token sees its sinks and its window and nothing else, however passes are cut and drafts taken back', () => {
  const anyPasses = fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), kept: fc.nat(511) }), {
    minLength: 1,
    maxLength: 8,
  });
  fc.assert(
    fc.property(anyCase, anyPasses, ({ window, pass, context }, passes) => {
      const written = new Written(rowsOf(window, { context, pass }));
      let start = 0;
      for (const { share, kept } of passes) {
        const n = Math.min(context - start, 1 + Math.floor(share * (pass - 1)));
        if (n < 1) break;
        written.pass(start, n);
        const attended = attendedRowCount(written.rows, start + n);
        for (const position of new Set([start, start + Math.floor(n / 2), start + n - 1])) {
          assert.deepEqual(written.seen(position, attended), visible(position, window));
        }
        start += Math.max(1, Math.min(n, kept));
      }
    }),
    { numRuns: 60 },
  );
});

test('a text that was trimmed where it can be is gone on from as if nothing had come after', () => {
  fc.assert(
    fc.property(anyCase, fc.integer({ min: 1, max: 2500 }), fc.nat(2500), ({ window, pass, context }, most, length) => {
      const rows = rowsOf(window, { context, pass });
      const end = Math.min(most, context);
      const start = Math.min(length, end);
      if (start === context || !canTrim(rows, start, end)) return;
      const written = new Written(rows);
      for (let at = 0; at < end; at += pass) written.pass(at, Math.min(pass, end - at));
      written.pass(start, 1);
      assert.deepEqual(written.seen(start, attendedRowCount(rows, start + 1)), visible(start, window));
    }),
    { numRuns: 60 },
  );
});

test('a text that was not overwritten can be trimmed anywhere, another one near its end or as a whole', () => {
  const rows = rowsOf({ tokens: 512, sinks: 4 }, { context: 10_000, pass: 256 });
  assert.deepEqual([rows.ring, rows.count], [768, 776]);
  for (const length of [0, 1, 500, 772]) assert.ok(canTrim(rows, length, 772));
  assert.ok(canTrim(rows, 0, 5000));
  for (const length of [1, 4, 500, 4742]) assert.ok(!canTrim(rows, length, 5000), `${length}`);
  for (const length of [4743, 4744, 5000]) assert.ok(canTrim(rows, length, 5000), `${length}`);
});

test('the rows of a window do not depend on how long the text may grow', () => {
  fc.assert(
    fc.property(anyWindow, fc.integer({ min: 1, max: 512 }), (window, pass) => {
      const { tokens, sinks } = window;
      const { count } = rowsOf(window, { context: 2 ** 20, pass });
      assert.ok(count >= tokens + pass + 2 * sinks && count < tokens + pass + 2 * sinks + 256);
      assert.deepEqual(rowsOf(window, { context: 4000, pass }), rowsOf(window, { context: 2 ** 20, pass }));
    }),
  );
});

test('a window that no text can leave is none', () => {
  const rows = rowsOf({ tokens: 500, sinks: 12 }, { context: 512, pass: 64 });
  assert.deepEqual(rows, rowsOf(undefined, { context: 512, pass: 64 }));
});

test('as long as a text is within its window, it lies and is looked at as without one', () => {
  const windowed = rowsOf({ tokens: 1000, sinks: 4 }, { context: 2 ** 20, pass: 512 });
  const whole = rowsOf(undefined, { context: 4096, pass: 512 });
  for (let position = 0; position < 1000; position += 1) {
    assert.equal(rowOf(windowed, position), rowOf(whole, position));
    assert.equal(attendedRowCount(windowed, position + 1), attendedRowCount(whole, position + 1));
    assert.equal(sinkShiftsAt(windowed, position), 0);
  }
});

test('sinks appear right before the window, less than a step away, and never in it', () => {
  fc.assert(
    fc.property(anyWindow, fc.nat(2 ** 20), (window, position) => {
      const rows = rowsOf(window, { context: 2 ** 21, pass: 64 });
      const { tokens, sinks } = window;
      if (sinks === 0) return;
      const last = sinks - 1 + sinkShiftTokens * sinkShiftsAt(rows, position);
      const first = position - tokens + 1;
      if (first < sinks) assert.equal(last, sinks - 1);
      else assert.ok(last < first && first - last <= sinkShiftTokens);
    }),
  );
});
