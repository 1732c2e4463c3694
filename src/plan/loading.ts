import type { Plan } from './plan.ts';
import { layRing } from './ring.ts';
import { type Slice, slotOf } from './slices.ts';

/** Where a resident is read to. */
export interface LoadingTurn {
  /** Straight to its place, or to the ring to be converted from there. */
  readonly memory: 'arena' | 'ring';
  /** Bytes from the start of it to the first page. */
  readonly offset: number;
  /** See `RingPlace`. */
  readonly after: number;
}

/** Bytes from the start of the ring to where residents are staged: all of it, or while weights stream the second half. */
export const stagingOffset = (plan: Plan, streams: boolean): number =>
  streams && plan.streamed.length > 0 ? plan.shares.ring / 2 : 0;

/** How `slices`, residents of `plan`, are read one after the other, around the ring from `staging` on if not in place. */
export function layLoading(
  plan: Plan,
  slices: readonly Slice[],
  staging: number,
  page: number,
): readonly LoadingTurn[] {
  const own = slices.map(({ id }) => {
    const placement = plan.placements[id];
    return placement?.kind === 'resident' ? placement.offset : undefined;
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
