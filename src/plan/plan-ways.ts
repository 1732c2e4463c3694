import { at } from '../base/at.ts';
import type { Demand } from './plan.ts';

const MiB = 2 ** 20;
const sliceSizes = [48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1, 1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32].map((n) => n * MiB);
const largestSlice = 48 * MiB;
/** Slices that come through a ring only to be converted as they are loaded, where slots for experts want its memory. */
const loadedSlice = 8 * MiB;

/** Ways to hold weights. */
export interface PlanWay {
  /** Streams what does not fit. */
  readonly stream: boolean;
  /** Experts have slots, and are not all resident. */
  readonly slots: boolean;
}

/** Ways to try, the best first. */
export function waysFor(demand: Demand): readonly PlanWay[] {
  const { manifest, expertCache } = demand;
  const experts = manifest.filter((entry) => entry.experts);
  if (experts.length === 0) return [false, true].map((stream) => ({ stream, slots: false }));
  const bytes = experts.reduce((sum, { weight }) => sum + weight.extent.length, 0);
  const inSlots = [false, true].map((stream) => ({ stream, slots: true }));
  return expertCache === undefined || expertCache >= bytes ? [{ stream: false, slots: false }, ...inSlots] : inSlots;
}

/** Sizes of slices to try, the largest first: those that do not cut the weights into too many. */
export function sliceSizesFor(
  { manifest, maxSlices = Number.POSITIVE_INFINITY, sliceBytes }: Demand,
  { stream, slots }: PlanWay,
): readonly number[] {
  if (sliceBytes !== undefined) return [sliceBytes];
  if (!stream && !slots) return [largestSlice];
  const bytes = manifest.reduce((sum, { weight, streamable }) => sum + (streamable ? weight.extent.length : 0), 0);
  const sizes = sliceSizes.filter((size, i) => i === 0 || bytes / size + manifest.length <= maxSlices);
  return stream ? sizes : [sizes.findLast((size) => size >= loadedSlice) ?? at(sizes, 0)];
}
