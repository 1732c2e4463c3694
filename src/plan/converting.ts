import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { layRing, type RingSegment } from './ring.ts';

/** Kernels want weights aligned to this many bytes. */
const alignment = 64;

/** A slice's place in a pass that converts: offsets are bytes from the start of the ring. */
export interface ConvertingSegment {
  readonly segment: RingSegment;
  /** The offset of the converted copy; undefined if the slice is computed on as it was read. */
  readonly converted: number | undefined;
}

/** A slice as it is read, and in a faster kernel layout if there is one, in bytes. */
export interface ConvertibleSlice {
  readonly bytes: number;
  readonly converted: number | undefined;
}

/**
 * The use of the ring in a pass over many tokens, by turn: slices are read to its first half and converted to the
 * second. Consecutive slices of a quarter of the ring together, or one alone, are in place at once in both halves.
 * Undefined if there is nothing to convert. A layout that takes more than the slice itself is not used.
 */
export function layConvertingRing(
  slices: readonly ConvertibleSlice[],
  ringBytes: number,
): readonly ConvertingSegment[] | undefined {
  const sizes = slices.map(({ bytes, converted = 0 }) => {
    const aligned = alignUp(converted, alignment);
    return aligned <= bytes ? aligned : 0;
  });
  if (sizes.every((bytes) => bytes === 0)) return undefined;

  const half = ringBytes / 2;
  const reads = layRing(
    slices.map(({ bytes }) => bytes),
    half,
  );
  const conversions = layRing(sizes, half);
  return reads.map((segment, order) => ({
    segment,
    converted: sizes[order] ? half + at(conversions, order).offset : undefined,
  }));
}
