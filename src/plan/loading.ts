import { at } from '../base/at.ts';
import type { Plan } from './plan.ts';
import { layRing } from './ring.ts';
import { type Slice, slotOf } from './slices.ts';

/** The target of reading a resident. */
export interface LoadingTurn {
  /** The arena: straight to its place; the ring: to be converted from there. */
  readonly memory: 'arena' | 'ring';
  /** Bytes from the start of that memory to the first page. */
  readonly offset: number;
  /** See `RingPlace`. */
  readonly after: number;
}

/**
 * Bytes from the start of the ring to where residents are read to be converted: 0, or the second half while weights
 * stream.
 */
export const stagingOffset = (plan: Plan, streams: boolean): number =>
  streams && plan.streamed.length > 0 ? plan.shares.ring / 2 : 0;

/** Reads `slices`, residents of `plan`, one after the other: in place, or around the ring from `staging` on. */
export function layLoading(
  plan: Plan,
  slices: readonly Slice[],
  staging: number,
  page: number,
): readonly LoadingTurn[] {
  const own = slices.map(({ id }) => {
    const placement = at(plan.placements, id);
    return placement.kind === 'resident' ? placement.offset : undefined;
  });
  const places = layRing(
    slices.map(({ extent }, turn) => (own[turn] === undefined ? slotOf(extent, page).bytes : 0)),
    plan.shares.ring - staging,
  );
  return places.map(({ offset, after }, turn) => {
    const inPlace = own[turn];
    return inPlace === undefined
      ? { memory: 'ring', offset: staging + offset, after }
      : { memory: 'arena', offset: inPlace, after };
  });
}
