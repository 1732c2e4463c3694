/** Bytes of a file from `start` on; the one at `end` is not among them. */
export interface FileRange {
  readonly start: number;
  readonly end: number;
}

/** Ranges in order, none of which touches another. */
export type FileRanges = readonly FileRange[];

/** The ranges with one more, which may overlap them. */
export function withRange(ranges: FileRanges, { start, end }: FileRange): FileRanges {
  if (end <= start) return ranges;
  const before = ranges.filter((range) => range.end < start);
  const after = ranges.filter((range) => range.start > end);
  const touched = ranges.slice(before.length, ranges.length - after.length);
  const joined = {
    start: Math.min(start, ...touched.map((range) => range.start)),
    end: Math.max(end, ...touched.map((range) => range.end)),
  };
  return [...before, joined, ...after];
}

/** The ranges of a file of `size` bytes that are not among these. */
export function missingIn(ranges: FileRanges, size: number): FileRanges {
  const starts = [0, ...ranges.map(({ end }) => end)];
  const ends = [...ranges.map(({ start }) => start), size];
  return starts.map((start, i) => ({ start, end: ends[i] ?? size })).filter(({ start, end }) => start < end);
}

/** The number of bytes in ranges. */
export const rangeBytes = (ranges: FileRanges): number => ranges.reduce((sum, { start, end }) => sum + end - start, 0);

/** The number of bytes from the beginning of a file on that are all in the ranges. */
export const beginIn = ([first]: FileRanges): number => (first?.start === 0 ? first.end : 0);

/** The ranges in pieces of `most` bytes at most, in order. */
export const piecesOf = (ranges: FileRanges, most: number): FileRanges =>
  ranges.flatMap(({ start, end }) =>
    Array.from({ length: Math.ceil((end - start) / most) }, (_, i) => ({
      start: start + i * most,
      end: Math.min(start + (i + 1) * most, end),
    })),
  );

/** True for ranges as this file makes them, in a file of `size` bytes. */
export const areSound = (ranges: FileRanges, size: number): boolean =>
  ranges.every(
    ({ start, end }, i) =>
      Number.isSafeInteger(start) &&
      Number.isSafeInteger(end) &&
      start < end &&
      end <= size &&
      start > (ranges[i - 1]?.end ?? -1),
  );
