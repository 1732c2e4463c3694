import { at } from '../base/at.ts';
import { alignUp } from '../base/bytes.ts';
import { layRing, type RingSegment } from './ring-segments.ts';

/** Kernels want weights aligned to this many bytes. */
const alignment = 64;

/** A streamed slice's place; offsets are bytes from the start of the ring. */
export interface WeightSegment extends RingSegment {
  /** Offset of the converted copy; left out if it is computed on as it was read. */
  readonly converted?: number;
}

/** A slice as it is read, and in a faster kernel layout if there is one, in bytes. */
export interface ConvertibleSlice {
  readonly bytes: number;
  readonly converted: number | undefined;
}

/** Something for each way in which passes use the ring of weights. */
export interface RingModes<T> {
  /** Slices are computed on as they were read. */
  readonly plain: T;
  /** Slices leave the second half of the ring to residents that are loaded meanwhile. */
  readonly loading: T;
  /**
   * Slices are read to the first half and converted to the second, which pays when many tokens are computed at once:
   * those of a quarter of the ring together, or one alone, are in place at once in both halves. Undefined if nothing is
   * converted.
   */
  readonly converting: T | undefined;
}

/** The name of a mode. */
export type RingMode = keyof RingModes<unknown>;

/** Lays `slices`, in order of use, around a ring, in each of its modes. A kernel layout that takes more than the slice itself is not used. */
export function layWeights(
  slices: readonly ConvertibleSlice[],
  ringBytes: number,
): RingModes<readonly WeightSegment[]> {
  const sizes = slices.map(({ bytes }) => bytes);
  const half = ringBytes / 2;
  const loading = layRing(sizes, half);
  const converted = slices.map(({ bytes, converted = 0 }) => {
    const aligned = alignUp(converted, alignment);
    return aligned <= bytes ? aligned : 0;
  });
  const copies = layRing(converted, half);
  const converting = loading.map((segment, order) => {
    const copy = copies[order];
    return copy && converted[order] ? { ...segment, converted: half + copy.offset } : segment;
  });
  const converts = converted.some((bytes) => bytes > 0);
  return { plain: layRing(sizes, ringBytes), loading, converting: converts ? converting : undefined };
}

/** A resident's place while it is read. */
export interface ResidentSegment extends RingSegment {
  /** Straight to its place, or to the ring to be converted from there; the offset is from the start of it. */
  readonly memory: 'arena' | 'ring';
}

/**
 * Lays residents, in order of use, so that those that have no place in the arena go around the ring, whose bytes [from, to)
 * they have for themselves.
 */
export function layResidents(
  residents: readonly { readonly bytes: number; readonly offset: number | undefined }[],
  { from, to }: { readonly from: number; readonly to: number },
): readonly ResidentSegment[] {
  const sizes = residents.map(({ bytes, offset }) => (offset === undefined ? bytes : 0));
  return layRing(sizes, to - from).map((segment, i) => {
    const { offset } = at(residents, i);
    return offset === undefined
      ? { ...segment, memory: 'ring', offset: from + segment.offset }
      : { ...segment, memory: 'arena', offset };
  });
}
