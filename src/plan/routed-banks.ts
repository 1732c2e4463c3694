import { at } from '../base/at.ts';
import type { Weight } from '../gguf/weight.ts';
import type { ManifestEntry } from './manifest.ts';

/** The experts that one router chooses from. */
export interface RoutedBank {
  readonly experts: number;
  /** Experts that each token is routed to. */
  readonly used: number;
  /** Bytes of one expert, all of its matrices together. */
  readonly expertBytes: number;
  /** The matrices (in, out, experts), in order of use. */
  readonly weights: readonly Weight[];
}

/** Bytes of one expert of a matrix (in, out, experts). */
export const expertLength = ({ extent, shape }: Pick<Weight, 'extent' | 'shape'>): number =>
  extent.length / at(shape, 2);

/** The experts of a manifest by router, in order of use. */
export function routedBanks(manifest: readonly ManifestEntry[]): readonly RoutedBank[] {
  const banks = new Map<number, RoutedBank>();
  for (const { weight, experts } of manifest) {
    if (!experts) continue;
    const { router, used } = experts;
    const before = banks.get(router) ?? { experts: at(weight.shape, 2), used, expertBytes: 0, weights: [] };
    const expertBytes = before.expertBytes + expertLength(weight);
    banks.set(router, { ...before, expertBytes, weights: [...before.weights, weight] });
  }
  return [...banks.values()];
}
