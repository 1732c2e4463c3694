/** A fixed place in the ring. */
export interface RingPlace {
  /** Bytes from the start of the ring. */
  readonly offset: number;
  /**
   * How many reads back in the endless sequence of passes the last one lies whose bytes this one overwrites: the k-th
   * read may start once read k - after has been released.
   */
  readonly after: number;
}

/**
 * Lays the slots of one pass, in order of use, around a ring of `ringBytes`: each follows the one before it, and starts
 * over at 0 where it would not fit. The next pass lands on the same places. Register allocation, decided once.
 */
export function layRing(slots: readonly number[], ringBytes: number): readonly RingPlace[] {
  const offsets: number[] = [];
  let cursor = 0;
  for (const bytes of slots) {
    if (bytes > ringBytes) throw new RangeError(`a slot of ${bytes} bytes does not fit a ring of ${ringBytes}`);
    if (cursor + bytes > ringBytes) cursor = 0;
    offsets.push(cursor);
    cursor += bytes;
  }
  return offsets.map((offset, i) => ({ offset, after: predecessor(slots, offsets, i) }));
}

/** Steps back from read i to the nearest earlier one that shares a byte with it; at most a whole pass, to itself. */
function predecessor(slots: readonly number[], offsets: readonly number[], i: number): number {
  const n = slots.length;
  const [start, end] = [offsets[i] ?? 0, (offsets[i] ?? 0) + (slots[i] ?? 0)];
  for (let back = 1; back < n; back += 1) {
    const j = (i - back + n) % n;
    const other = offsets[j] ?? 0;
    if (other < end && start < other + (slots[j] ?? 0)) return back;
  }
  return n;
}
