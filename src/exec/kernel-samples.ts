import { at } from '../base/at.ts';
import type { KernelLayout } from '../ggml/kernel-layout.ts';
import type { GgmlType } from '../gguf/types.ts';
import type { Plan } from '../plan/plan.ts';
import type { LayoutOf } from './bind-weights.ts';

/** A matrix as products are made with it. */
export interface Matrix {
  readonly type: GgmlType;
  readonly shape: readonly [number, number];
  /** Bytes in memory, and in the file. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly layout: KernelLayout | undefined;
}

/**
 * The matrices of a plan in the file's layout, and those in others. Where one kind has fewer than `enough` bytes, which would
 * show little but what a product takes beside its weights, all of the model that there are in such a layout stand for it.
 */
export function kernelSamples(
  plan: Plan,
  layoutOf: LayoutOf,
  enough: number,
): { readonly plain: readonly Matrix[]; readonly converted: readonly Matrix[] } {
  const matrices = matricesOf(plan, layoutOf);
  const all = {
    plain: matricesOf(plan, () => undefined),
    converted: matricesOf(plan, layoutOf, true).filter(({ layout }) => layout),
  };
  const sampleOf = (kind: 'plain' | 'converted'): readonly Matrix[] => {
    const found = matrices.filter(({ layout }) => (layout ? 'converted' : 'plain') === kind);
    const bytes = found.reduce((sum, matrix) => sum + matrix.bytes, 0);
    return bytes === 0 || bytes >= enough ? found : all[kind];
  };
  return { plain: sampleOf('plain'), converted: sampleOf('converted') };
}

/** The matrices that products are made with, of a bank of experts one: as a token has them, or all converted. */
export const matricesOf = (
  { slices, placements }: Plan,
  layoutOf: LayoutOf,
  convert: boolean = false,
): readonly Matrix[] =>
  slices
    .filter(({ shape }) => shape.length > 1)
    .map((slice) => {
      const { weight, shape, extent, id } = slice;
      const layout = convert || at(placements, id).kind === 'converted' ? layoutOf(slice) : undefined;
      const count = shape.slice(2).reduce((product, n) => product * n, 1);
      const fileBytes = extent.length / count;
      const bytes = layout ? layout.bytes / count : fileBytes;
      return { type: weight.type, shape: [at(shape, 0), at(shape, 1)], bytes, fileBytes, layout } as const;
    });
