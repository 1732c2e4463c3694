// ModelKeys that several architectures have in common.
import { arr, bool, f32, u32 } from '../../../bench/gguf-writer.ts';
import { type ModelKeys, perLayer, type Sizes } from './recipe.ts';

/** Every second layer, from the first on, has a window: as a period. */
export const windowsByPeriod = (): ModelKeys => ({ 'attention.sliding_window_pattern': u32(2) });

/** Every second layer, from the second on, has a window: as a list. */
export const windowsByLayer = (sizes: Sizes): ModelKeys => ({
  'attention.sliding_window_pattern': arr(
    'bool',
    perLayer(sizes, (il) => il % 2 === 1),
  ),
});

/** Factors of parts of the residual stream, as Granite has them. */
export const factors = (): ModelKeys => ({
  logit_scale: f32(2),
  residual_scale: f32(0.7),
  embedding_scale: f32(1.5),
  'attention.scale': f32(0.3),
});

/** ModelKeys and values of a latent vector of 32 elements, beside 16 that are rotated. */
export const latent = (): ModelKeys => ({
  'attention.q_lora_rank': u32(48),
  'attention.kv_lora_rank': u32(32),
  'attention.key_length': u32(48),
  'attention.value_length': u32(32),
  'attention.key_length_mla': u32(40),
  'attention.value_length_mla': u32(24),
  'rope.dimension_count': u32(16),
});

/** The same, but its keys and values are kept in full. */
export const unfolded = (): ModelKeys => ({
  ...latent(),
  'attention.key_length': u32(40),
  'attention.value_length': u32(24),
});

/** A small network that chooses the 8 tokens that attention sees. */
export const indexer = (): ModelKeys => ({
  'attention.indexer.head_count': u32(4),
  'attention.indexer.key_length': u32(128),
  'attention.indexer.top_k': u32(8),
});

/** A state space: as Mamba has it, of heads of one channel, or as Mamba 2, of 4 heads. */
export const stateSpace = ({ width }: Sizes): ModelKeys => ({
  'ssm.conv_kernel': u32(4),
  'ssm.inner_size': u32(2 * width),
  'ssm.state_size': u32(16),
  'ssm.time_step_rank': u32(4),
  'ssm.group_count': u32(2),
});

/** A gated delta rule: 2 heads for keys and 4 for values, of 32 elements; every second layer has attention. */
export const deltaNet = (): ModelKeys => ({
  'ssm.conv_kernel': u32(4),
  'ssm.inner_size': u32(128),
  'ssm.state_size': u32(32),
  'ssm.time_step_rank': u32(4),
  'ssm.group_count': u32(2),
  full_attention_interval: u32(2),
});

/** Heads of each layer: only those have attention for which `has` is true. */
export const headsByLayer = (sizes: Sizes, has: (layer: number) => boolean = (il) => il % 2 === 0): ModelKeys => ({
  'attention.head_count': arr(
    'u32',
    perLayer(sizes, (il) => (has(il) ? sizes.heads : 0)),
  ),
  'attention.head_count_kv': arr(
    'u32',
    perLayer(sizes, (il) => (has(il) ? sizes.kvHeads : 0)),
  ),
});

/** Kimi's delta attention in every second layer, latent keys and values in the others. */
export const deltaAttention = (sizes: Sizes): ModelKeys => ({
  ...latent(),
  ...headsByLayer(sizes),
  'ssm.conv_kernel': u32(4),
  'kda.head_dim': u32(16),
  'kda.safe_gate': bool(true),
  'kda.gate_lower_bound': f32(-5),
});

/** The time mix of RWKV, of heads of 64 elements: the kernels read so many of each, whatever it has. */
export const timeMix = (): ModelKeys => ({
  'wkv.head_size': u32(64),
  time_mix_extra_dim: u32(16),
  time_decay_extra_dim: u32(16),
  'attention.decay_lora_rank': u32(16),
  'attention.iclr_lora_rank': u32(16),
  'attention.value_residual_mix_lora_rank': u32(16),
  'attention.gate_lora_rank': u32(16),
});
