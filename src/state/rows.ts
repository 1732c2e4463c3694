import { alignUp } from '../base/bytes.ts';
import type { Window } from '../plan/kv-options.ts';

/**
 * The rows of a layer: a token takes one, of keys and of values, in every head. With a window the tokens after the
 * sinks take the rows of a ring in turns; behind the ring lies a second copy of the sinks.
 */
export interface KvRows {
  /** Rows in all. */
  readonly count: number;
  /** The window; undefined if every token has a row of its own and sees all before it. */
  readonly window: Window | undefined;
  readonly ring: number;
}

/** Rows [from, to). */
export type RowRange = readonly [from: number, to: number];

/** Rows are attended to in groups, so that a graph serves more than one pass. */
const rowGroup = 256;

/**
 * A window slides away from the sinks; their keys are rotated to follow it in steps of so many tokens. Two copies serve
 * any pass of no more tokens, and no token sees more or less for sharing its pass with others.
 */
export const sinkShiftTokens = 512;

/** Rows for `context` tokens at most, of which a pass stores `pass` at most. */
export function rowsOf(window: Window | undefined, { context, pass }: { context: number; pass: number }): KvRows {
  if (!window || context <= window.tokens + window.sinks) return { count: context, window: undefined, ring: context };
  const { tokens, sinks } = window;
  const ring = Math.min(alignUp(tokens + pass, rowGroup), context - sinks);
  return { count: ring + 2 * sinks, window, ring };
}

/** Tokens at the begin of a text that are always seen: none without a window. */
export const sinksOf = ({ window }: Pick<KvRows, 'window'>): number => window?.sinks ?? 0;

/** The row of the token at `position`. */
export function rowOf(rows: KvRows, position: number): number {
  const sinks = sinksOf(rows);
  return position < sinks ? position : sinks + ((position - sinks) % rows.ring);
}

/** The number of steps by which the sinks have followed the window of the token at `position`. */
export function sinkShiftsAt({ window }: KvRows, position: number): number {
  if (!window || window.sinks === 0) return 0;
  const first = position - window.tokens + 1;
  return Math.max(0, Math.floor((first - window.sinks) / sinkShiftTokens));
}

/** The first row of the copy of the sinks that has followed in `shifts` steps. */
export const sinkRow = (rows: KvRows, shifts: number): number => (shifts % 2 === 0 ? 0 : sinksOf(rows) + rows.ring);

/** Rows that attention looks at when the first `end` tokens are stored: whole groups, or all. */
export function attendedRowCount(rows: KvRows, end: number): number {
  const plain = rows.ring + sinksOf(rows);
  if (end > plain || sinkShiftsAt(rows, end - 1) > 0) return rows.count;
  return Math.min(plain, alignUp(end, rowGroup));
}

/** The rows that tokens start .. start + n are written to, in their order. */
export function writtenRows(rows: KvRows, start: number, n: number): readonly RowRange[] {
  const sinks = sinksOf(rows);
  const written: RowRange[] = [];
  for (let position = start; position < start + n; ) {
    const row = rowOf(rows, position);
    // The range goes up to the end of the sinks, or of the ring.
    const count = Math.min(start + n - position, (position < sinks ? sinks : sinks + rows.ring) - row);
    written.push([row, row + count]);
    position += count;
  }
  return written;
}

/** Tokens of a pass, from which on it does not read the rows that it is about to write. */
const manyTokens = 256;

/**
 * The number of rows, of the first `attended`, that hold something before a pass over tokens start .. start + n: all,
 * or the first so many.
 */
export const readRows = (rows: KvRows, attended: number, { start, n }: { start: number; n: number }): number =>
  attended === rows.count || n < manyTokens ? attended : Math.min(attended, start);

/** The rows that the token at `position` sees: the sinks, and its window up to itself. */
export function seenRows(rows: KvRows, position: number): readonly RowRange[] {
  const { window, ring } = rows;
  if (!window) return [[0, position + 1]];
  const { tokens, sinks } = window;
  const copy = sinkRow(rows, sinkShiftsAt(rows, position));
  const seen: RowRange[] = [[copy, copy + Math.min(sinks, position + 1)]];
  const first = Math.max(sinks, position - tokens + 1);
  if (first > position) return seen;
  const [from, to] = [rowOf(rows, first), rowOf(rows, position) + 1];
  if (from < to) return [...seen, [from, to]];
  return [...seen, [from, sinks + ring], [sinks, to]];
}

/**
 * Whether a text of `stored` tokens can be continued after the first `length`: the rows that these see are not
 * overwritten.
 */
export function canTrim({ window, ring }: KvRows, length: number, stored: number): boolean {
  if (!window) return true;
  const first = Math.max(window.sinks, length - window.tokens + 1);
  return length === 0 || stored <= first + ring;
}
