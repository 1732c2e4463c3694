import { at } from '../../src/base/at.ts';

/** The index of the largest element; the first of equals. */
export const argmax = (values: Float32Array): number =>
  values.reduce((best, v, i) => (v > (values[best] ?? 0) ? i : best), 0);

/** The distance between the largest and the second largest element. */
export function topGap(logits: Float32Array): number {
  let first = -Infinity;
  let second = -Infinity;
  for (const v of logits) {
    if (v > first) [first, second] = [v, first];
    else if (v > second) second = v;
  }
  return first - second;
}

/**
 * The rows whose first element is another one than that of the row expected, though that is ahead of the second by more than
 * rounding: four times the root of the mean square by which the rows differ. Undefined if there are none.
 */
export function firstDiffers(rows: readonly Float32Array[], expected: readonly Float32Array[]): string | undefined {
  const differing = rows.flatMap((row, i) => {
    const other = at(expected, i);
    const squares = row.reduce((sum, x, k) => sum + (x - (other[k] as number)) ** 2, 0);
    return topGap(other) > 4 * Math.sqrt(squares / row.length) && argmax(row) !== argmax(other) ? [i] : [];
  });
  return differing.length > 0 ? `another first token in rows ${differing}` : undefined;
}
