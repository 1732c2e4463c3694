import { at } from '../base/at.ts';
import { alignDown, alignUp } from '../base/bytes.ts';
import type { Extent, Weight } from '../gguf/weight.ts';

/** Rows [row, row + rows) of a weight: the unit that is placed, read and freed as one. */
export interface Slice {
  /** Index in the plan's list of slices. */
  readonly id: number;
  readonly weight: Weight;
  readonly row: number;
  readonly shape: readonly number[];
  readonly extent: Extent;
}

/**
 * Kernels take rows in groups, of 16 at most. A matrix or slice with rows that fill no group is refused as a whole:
 * another kernel serves it then, with other roundings.
 */
const rowGroup = 32;

/** Types whose kernels for several tokens take rows in fours, and refuse a matrix whose rows fill none at its end. */
const floats: ReadonlySet<string> = new Set(['f32', 'f16', 'bf16']);
const refusedGroup = 4;

/** The pages that hold an extent, as a direct read brings them. The extent begins `skew` bytes into them. */
export interface PageSpan {
  readonly start: number;
  readonly bytes: number;
  readonly skew: number;
}

/** The page span of `extent` for pages of `page` bytes. */
export function pageSpanOf(extent: Extent, page: number): PageSpan {
  const start = alignDown(extent.offset, page);
  return { start, bytes: alignUp(extent.offset + extent.length, page) - start, skew: extent.offset - start };
}

/**
 * Rows of the slices of a matrix that kernels refuse as a whole: they must refuse each slice, too, for the bits of the
 * whole. So no slice has a multiple of 4.
 */
function refusedRows(rows: number, most: number): readonly number[] {
  const each = Math.max(rowGroup, alignDown(most + 1, refusedGroup)) - 1;
  const slices = Array<number>(Math.floor(rows / each)).fill(each);
  const rest = rows % each;
  if (rest === 0) return slices;
  if (rest % refusedGroup !== 0) return [...slices, rest];
  return [...slices.slice(1), each - 1, rest + 1];
}

/**
 * Cuts a matrix into slices of about equal size, none larger than `maxBytes` unless a group of rows is. Rows beyond the
 * last whole group are always a slice of their own, so that every result is the same bits wherever the cuts are.
 */
export function cutIntoSlices(weight: Weight, maxBytes: number): readonly Omit<Slice, 'id'>[] {
  const { shape, extent } = weight;
  if (shape.length !== 2) return [{ weight, row: 0, shape, extent }];

  const [width, rows] = [at(shape, 0), at(shape, 1)];
  const rowBytes = extent.length / rows;
  const slices: Omit<Slice, 'id'>[] = [];
  const add = (row: number, n: number): void => {
    const offset = extent.offset + row * rowBytes;
    slices.push({ weight, row, shape: [width, n], extent: { file: extent.file, offset, length: n * rowBytes } });
  };
  if (floats.has(weight.type.name) && rows % refusedGroup !== 0) {
    let row = 0;
    for (const n of refusedRows(rows, Math.floor(maxBytes / rowBytes))) {
      add(row, n);
      row += n;
    }
    return slices;
  }
  const groups = Math.floor(rows / rowGroup);
  const groupsPerSlice = Math.max(1, Math.floor(maxBytes / (rowBytes * rowGroup)));
  const count = Math.ceil(groups / groupsPerSlice);
  const rowsPerSlice = Math.ceil(groups / count) * rowGroup;
  const grouped = groups * rowGroup;
  for (let row = 0; row < grouped; row += rowsPerSlice) add(row, Math.min(rowsPerSlice, grouped - row));
  if (grouped < rows) add(grouped, rows - grouped);
  return slices;
}
