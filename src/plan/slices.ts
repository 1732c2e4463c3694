import { alignDown, alignUp } from '../base/bytes.ts';
import type { Extent, Weight } from '../gguf/weight.ts';

/** Rows [row, row + rows) of a weight: the unit that is placed, read and freed as one. */
export interface Slice {
  /** Its place in the plan's list of slices. */
  readonly id: number;
  readonly weight: Weight;
  readonly row: number;
  readonly shape: readonly number[];
  readonly extent: Extent;
}

/** Kernels take rows in groups; cuts between groups leave every result as it is. */
const rowGroup = 32;
/** Some kernels serve only matrices whose rows are a multiple of this; of others, so must be no slice. */
const kernelRows = 4;

/** The pages that hold an extent: what a direct read brings. `skew` is where in them the extent begins. */
export interface Slot {
  readonly start: number;
  readonly bytes: number;
  readonly skew: number;
}

/** The slot of `extent` for pages of `page` bytes. */
export function slotOf(extent: Extent, page: number): Slot {
  const start = alignDown(extent.offset, page);
  return { start, bytes: alignUp(extent.offset + extent.length, page) - start, skew: extent.offset - start };
}

/** Cuts a matrix into slices of about equal size, none larger than `maxBytes` unless a group of rows is. */
export function cut(weight: Weight, maxBytes: number): readonly Omit<Slice, 'id'>[] {
  const { shape, extent } = weight;
  const rows = shape[1] ?? 1;
  if (extent.length <= maxBytes || shape.length !== 2) return [{ weight, row: 0, shape, extent }];

  const rowBytes = extent.length / rows;
  const groups = Math.ceil(rows / rowGroup);
  const groupsPerSlice = Math.max(1, Math.floor(maxBytes / (rowBytes * rowGroup)));
  const count = Math.ceil(groups / groupsPerSlice);
  const rowsPerSlice = Math.ceil(groups / count) * rowGroup;
  const slices: Omit<Slice, 'id'>[] = [];
  for (let row = 0; row < rows; row += slices.at(-1)?.shape[1] ?? rows) {
    const n = take(rows - row, rowsPerSlice);
    slices.push({
      weight,
      row,
      shape: [shape[0] ?? 1, n],
      extent: { file: extent.file, offset: extent.offset + row * rowBytes, length: n * rowBytes },
    });
  }
  return slices;
}

/** How many of `left` rows the next slice takes, at most `most`: it and what it leaves suit the same kernels as all. */
function take(left: number, most: number): number {
  if (left % kernelRows === 0) return Math.min(left, most);
  const n = Math.min(left, most - 1);
  return n < left && (left - n) % kernelRows === 0 ? n - 1 : n;
}
