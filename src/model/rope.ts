import type { Rope } from '../ggml/graph.ts';
import type { Keys } from './keys.ts';

const scalings: readonly string[] = ['none', 'linear', 'yarn', 'longrope'];

/** Rope as the metadata describes it: plain, or stretched to a longer context. */
export function readRope(keys: Keys, model: { mode: number; dims: number; context: number }): Rope {
  const scaling = keys.string('rope.scaling.type', 'linear');
  if (!scalings.includes(scaling)) {
    keys.refuse('rope.scaling.type', `is "${scaling}"; expected one of ${scalings.join(', ')}`);
  }
  const dims = keys.count('rope.dimension_count', model.dims);
  if (dims > model.dims || dims % 2 !== 0) keys.refuse('rope.dimension_count', `is ${dims} for heads of ${model.dims}`);

  // `scale_linear` is the older name of `scaling.factor`.
  const factor = keys.number('rope.scaling.factor', undefined) ?? keys.number('rope.scale_linear', 0);
  if (factor < 0) keys.refuse('rope.scaling.factor', `is ${factor}; expected a positive number`);
  return {
    dims,
    mode: model.mode,
    originalContext: keys.count('rope.scaling.original_context_length', model.context),
    base: keys.positive('rope.freq_base', 10000),
    scale: scaling === 'none' || factor === 0 ? 1 : 1 / factor,
    // YaRN's own magnitude correction is inside ggml; `attn_factor` comes on top of it.
    extFactor: scaling === 'yarn' ? 1 : 0,
    attnFactor: keys.positive('rope.scaling.attn_factor', 1),
    betaFast: 32,
    betaSlow: 1,
  };
}
