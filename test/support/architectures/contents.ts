import type { Content } from '../../../bench/random-tensors.ts';
import { at } from '../../../src/base/at.ts';
import type { AskedTensor } from './asked-tensors.ts';

/** Around what, and how far from it, the elements of tensors lie that are no matrices; the first pattern that fits. */
const known: readonly (readonly [name: RegExp, mean: number, deviation: number])[] = [
  [/\.bias$/, 0, 0.1],
  [/norm|_ln\./, 1, 0.1],
  // The exponential of it times a step of time: what decays must not grow.
  [/ssm_a$/, -1, 0.3],
  [/ssm_d$|scale/, 1, 0.1],
  [/rope_(freqs|factors)/, 2, 0.3],
  [/lerp|_k_[ka]\./, 0.5, 0.1],
];

/** The elements of a tensor of a model that computes finite logits; `tied` if the embedding is the head too. */
export function contentOf({ name, shape }: AskedTensor, tied: boolean): Content {
  const found = known.find(([pattern]) => pattern.test(name));
  if (found) return { mean: found[1], deviation: found[2] };
  if (shape.length === 1) return { mean: 0, deviation: 0.3 };
  // Keeps the deviation of what it multiplies; logits get one of about 3.
  const keeping = 1 / Math.sqrt(at(shape, 0));
  if (name === 'token_embd.weight') return { mean: 0, deviation: tied ? 3 * keeping : 1 };
  return { mean: 0, deviation: name === 'output.weight' ? 3 * keeping : keeping };
}
