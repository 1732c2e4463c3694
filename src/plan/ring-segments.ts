import { at } from '../base/at.ts';

/** A fixed place in the ring. */
export interface RingSegment {
  /** Bytes from the start of the ring. */
  readonly offset: number;
  /**
   * Reads back, in the endless sequence of passes, to the last one whose bytes this one overwrites: the k-th read may
   * start once read k - after has been released.
   */
  readonly after: number;
}

/**
 * Lays the segments of one pass, in order of use, around a ring of `ringBytes`: each follows the one before it, and starts
 * over at 0 where it would not fit. The next pass uses the same addresses.
 */
export function layRing(sizes: readonly number[], ringBytes: number): readonly RingSegment[] {
  const offsets: number[] = [];
  let cursor = 0;
  for (const bytes of sizes) {
    if (bytes > ringBytes) throw new RangeError(`a segment of ${bytes} bytes does not fit a ring of ${ringBytes}`);
    if (cursor + bytes > ringBytes) cursor = 0;
    offsets.push(cursor);
    cursor += bytes;
  }
  return offsets.map((offset, i) => ({ offset, after: predecessor(sizes, offsets, i) }));
}

/** The segments of passes that leave the last `count` out: each waits for as much as before, or for more. */
export const withoutLast = <S extends Pick<RingSegment, 'after'>>(
  segments: readonly S[],
  count: number,
): readonly S[] =>
  count === 0
    ? segments
    : segments
        .slice(0, segments.length - count)
        // Beyond the start of its pass a segment overwrites bytes of the pass before, whose end is nearer now.
        .map((one, i) => (one.after <= i ? one : { ...one, after: Math.max(i + 1, one.after - count) }));

/** Steps back from read i to the nearest earlier one that shares a byte with it; at most a whole pass, to itself. */
function predecessor(sizes: readonly number[], offsets: readonly number[], i: number): number {
  const n = sizes.length;
  const start = at(offsets, i);
  const end = start + at(sizes, i);
  for (let back = 1; back < n; back += 1) {
    const j = (i - back + n) % n;
    const other = at(offsets, j);
    if (other < end && start < other + at(sizes, j)) return back;
  }
  return n;
}
