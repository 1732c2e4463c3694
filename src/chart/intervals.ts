import { last } from '../base/at.ts';
/** An interval from `begin` to `end`, in any unit. */
export interface Interval {
  readonly begin: number;
  readonly end: number;
}

/** The intervals in the fewest rows: as many as overlap at one point. In a row they are in order and never overlap. */
export function packRows<T extends Interval>(intervals: readonly T[]): readonly (readonly T[])[] {
  const rows: T[][] = [];
  for (const interval of intervals.toSorted((a, b) => a.begin - b.begin)) {
    const row = rows.find((taken) => last(taken).end <= interval.begin);
    if (row) row.push(interval);
    else rows.push([interval]);
  }
  return rows;
}

/** The time during which at least one of the intervals runs. */
export function covered(intervals: readonly Interval[]): number {
  let total = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { begin, end } of intervals.toSorted((a, b) => a.begin - b.begin)) {
    total += Math.max(0, end - Math.max(begin, until));
    until = Math.max(until, end);
  }
  return total;
}

/** Pixels: the shortest bar that stands alone, the seam after it, the gap that is too small to be seen. */
const visible = { bar: 3, seam: 0.75, gap: 0.05 };

/**
 * The bars to draw for the intervals of a row, which are in order and in pixels. One of three pixels and more stands
 * alone, with a seam after it. A shorter one that follows a bar within a twentieth of a pixel is moved up to it and
 * joined. So no bar is off by more than that, as much is drawn as the row is busy, and a picture of any number of
 * intervals stays small: shorter bars with wider gaps are left to the renderer, which shades a pixel by how much of it
 * is covered.
 */
export function joinBars(row: readonly Interval[]): readonly Interval[] {
  const bars: { begin: number; end: number }[] = [];
  for (const { begin, end } of row) {
    const last = bars.at(-1);
    const length = end - begin;
    if (length >= visible.bar) bars.push({ begin, end: end - visible.seam });
    else if (last && begin - last.end < visible.gap) last.end += length;
    else bars.push({ begin, end });
  }
  return bars;
}
