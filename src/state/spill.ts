import { alignDown } from '../base/bytes.ts';

/** Bytes [from, to). */
export type ByteRange = readonly [from: number, to: number];

/** The unit of writing to the SSD: a multiple of every page, small enough to be copied for each token. */
export const spillUnit: number = 2 ** 14;

/** Fate of bytes that have changed: ranges that are written, and the unit that stays in memory. */
export interface Spill {
  readonly writes: readonly ByteRange[];
  /** Offset of the unit in memory. It is not full: the next bytes go there. */
  readonly tail: number | undefined;
}

/**
 * Divides the `dirty` ranges, the last of which was appended. Each unit of that is written once, when it is full; the
 * other ranges are written at once, since the appended bytes may be taken back, and their unit with them.
 */
export function spillOf(dirty: readonly ByteRange[], end: number): Spill {
  const last = dirty.at(-1);
  if (!last) return { writes: [], tail: undefined };
  const partial = last[1] % spillUnit !== 0 && last[1] !== end;
  const tail = partial ? alignDown(last[1], spillUnit) : undefined;
  const units = new Set<number>();
  for (const range of dirty) {
    const [from, to] = range;
    for (let unit = alignDown(from, spillUnit); unit < to; unit += spillUnit) {
      if (range !== last || unit !== tail) units.add(unit);
    }
  }
  const writes: [number, number][] = [];
  for (const unit of [...units].sort((a, b) => a - b)) {
    const previous = writes.at(-1);
    if (previous?.[1] === unit) previous[1] += spillUnit;
    else writes.push([unit, unit + spillUnit]);
  }
  return { writes, tail };
}
