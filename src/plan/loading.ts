import { at } from '../base/at.ts';
import type { Plan } from './plan.ts';
import { layRing } from './ring.ts';
import { pageSpanOf, type Slice } from './slices.ts';

/** The target of reading a resident. */
export interface LoadingSegment {
  /** The arena: straight to its place; the ring: to be converted from there. */
  readonly memory: 'arena' | 'ring';
  /** Bytes from the start of that memory to the first page. */
  readonly offset: number;
  /** See `RingSegment`. */
  readonly after: number;
}

/**
 * Bytes from the start of the ring to where residents are read to be converted: 0, or the second half while weights
 * stream.
 */
export const loadingOffset = (plan: Plan, streams: boolean): number =>
  streams && plan.streamed.length > 0 ? plan.shares.ring / 2 : 0;

/** Reads `slices`, residents of `plan`, one after the other: in place, or around the ring from `start` on. */
export function layLoadingRing(
  plan: Plan,
  slices: readonly Slice[],
  start: number,
  page: number,
): readonly LoadingSegment[] {
  const own = slices.map(({ id }) => {
    const placement = at(plan.placements, id);
    return placement.kind === 'resident' ? placement.offset : undefined;
  });
  const segments = layRing(
    slices.map(({ extent }, order) => (own[order] === undefined ? pageSpanOf(extent, page).bytes : 0)),
    plan.shares.ring - start,
  );
  return segments.map(({ offset, after }, order) => {
    const inPlace = own[order];
    return inPlace === undefined
      ? { memory: 'ring', offset: start + offset, after }
      : { memory: 'arena', offset: inPlace, after };
  });
}
