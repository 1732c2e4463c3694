import { at } from '../base/at.ts';
import type { GgmlType } from './types.ts';

/** Bytes on the SSD. `file` is the index of the shard; offset and length are in bytes. */
export interface Extent {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

/** A tensor as the file describes it. `shape` is in ggml's order: the first dimension is the contiguous one. */
export interface Weight {
  readonly name: string;
  readonly type: GgmlType;
  readonly shape: readonly number[];
  readonly extent: Extent;
}

/** The number of elements of a tensor. */
export const elementCount = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** The length of dimension `i`; 1 for one that the shape does not list, as in ggml. */
export const dimension = (shape: readonly number[], i: number): number => (i < shape.length ? at(shape, i) : 1);
