import { arr, f32, u32 } from '../../../bench/gguf-writer.ts';
import { deltaAttention, deltaNet, factors, headsByLayer, indexer, stateSpace, timeMix } from './parts.ts';
import { inLayer, perLayer, type Recipe } from './recipe.ts';

const noHeads = { heads: 0, kvHeads: 0 } as const;
const twoTimeMixHeads = { width: 128, ...noHeads } as const;
const convolutionBias = inLayer('*', 'ssm_conv1d.bias');
const deltaTensors = ['output.weight', ...inLayer(0, 'attn_qkv.weight', 'attn_gate.weight')];
const oneShift = () => ({ ...timeMix(), token_shift_count: u32(1) });
const shortConvolution: Recipe = {
  state: 'hybrid',
  keys: (sizes) => ({ ...headsByLayer(sizes), 'shortconv.l_cache': u32(3), 'attention.sliding_window': u32(0) }),
};
/** The lengths of a feed-forward network that only the layers from the third on have. */
const laterFeedForward = (sizes: Parameters<typeof perLayer>[0]) => ({
  feed_forward_length: arr(
    'u32',
    perLayer(sizes, (il) => (il < 2 ? 0 : sizes.feedForward)),
  ),
});

/** Architectures with layers whose state cannot be cut. */
export const recurrent: Readonly<Record<string, Recipe>> = {
  mamba: { state: 'recurrent', sizes: noHeads, keys: stateSpace },
  mamba2: { state: 'recurrent', sizes: noHeads, keys: stateSpace },
  rwkv6: {
    state: 'recurrent',
    sizes: twoTimeMixHeads,
    keys: timeMix,
    optional: ['output.weight', ...inLayer('*', 'time_mix_lerp_fused.weight')],
  },
  rwkv6qwen2: {
    state: 'recurrent',
    sizes: { width: 128, kvHeads: 1 },
    keys: oneShift,
    optional: [
      'output.weight',
      ...inLayer('*', 'time_mix_key.bias', 'time_mix_value.bias', 'time_mix_receptance.bias'),
    ],
  },
  rwkv7: { state: 'recurrent', sizes: twoTimeMixHeads, keys: timeMix },
  arwkv7: {
    state: 'recurrent',
    sizes: twoTimeMixHeads,
    keys: oneShift,
    optional: [
      'output.weight',
      ...inLayer('*', 'time_mix_g1.weight', 'time_mix_g2.weight', 'time_mix_ln.weight', 'time_mix_ln.bias'),
    ],
  },
  jamba: {
    state: 'hybrid',
    experts: true,
    keys: (sizes) => ({ ...stateSpace(sizes), ...headsByLayer(sizes) }),
    optional: ['output.weight', ...inLayer(1, 'ffn_gate_inp.weight')],
  },
  'falcon-h1': {
    state: 'hybrid',
    keys: stateSpace,
    optional: ['output.weight', ...convolutionBias, ...inLayer('*', 'ssm_norm.weight')],
  },
  plamo2: {
    state: 'hybrid',
    batchesApart: true,
    keys: (sizes) => ({ ...stateSpace(sizes), ...headsByLayer(sizes), 'ssm.group_count': u32(0) }),
  },
  granitehybrid: {
    state: 'hybrid',
    experts: true,
    keys: (sizes) => ({ ...factors(), ...stateSpace(sizes), ...headsByLayer(sizes) }),
    optional: ['output.weight', ...convolutionBias, ...inLayer('*', 'ffn_gate_exps.weight')],
  },
  nemotron_h: {
    state: 'hybrid',
    sizes: { layers: 3 },
    keys: (sizes) => ({ ...stateSpace(sizes), ...headsByLayer(sizes, (il) => il === 0), ...laterFeedForward(sizes) }),
    optional: ['output.weight', ...convolutionBias],
  },
  nemotron_h_moe: {
    state: 'hybrid',
    experts: true,
    sizes: { layers: 4 },
    keys: (sizes) => ({ ...stateSpace(sizes), ...headsByLayer(sizes, (il) => il === 0), ...laterFeedForward(sizes) }),
    optional: ['output.weight', ...convolutionBias],
  },
  lfm2: shortConvolution,
  lfm2moe: { ...shortConvolution, experts: true },
  qwen3next: { state: 'hybrid', experts: true, keys: deltaNet, optional: deltaTensors },
  qwen35: { state: 'hybrid', keys: deltaNet, optional: deltaTensors },
  'qwen35moe with a layer for drafts': {
    architecture: 'qwen35moe',
    draftLayer: true,
    state: 'hybrid',
    experts: true,
    keys: deltaNet,
    optional: deltaTensors,
  },
  qwen35moe: { state: 'hybrid', experts: true, keys: deltaNet, optional: deltaTensors },
  qwen4exp: {
    state: 'hybrid',
    experts: true,
    keys: (sizes) => ({
      ...deltaNet(),
      ...indexer(),
      'attention.indexer.key_length': u32(sizes.width / sizes.heads),
      'hyper_connection.count': u32(4),
      'hyper_connection.low_rank': u32(8),
      'attention.compress_ratios': arr(
        'u32',
        perLayer(sizes, () => 4),
      ),
      embedding_length_per_layer_input: u32(sizes.width / 4),
      'ple.layers': arr('u32', [0]),
      'ple.ngram_size': u32(3),
      'ple.heads_per_ngram': u32(2),
      'ple.conv_kernel': u32(4),
      'ple.eos_token_id': u32(0),
      'ple.layer_multipliers': arr('u64', [1, 3, 5]),
      'ple.head_offsets': arr(
        'u64',
        [0, 1, 2, 3].map((head) => head * sizes.vocabulary),
      ),
      'ple.head_vocab_sizes': arr(
        'u64',
        [0, 1, 2, 3].map(() => sizes.vocabulary),
      ),
    }),
  },
  'kimi-linear': { state: 'hybrid', experts: true, sizes: { kvHeads: 1 }, keys: deltaAttention },
  'kimi-k3': {
    state: 'hybrid',
    experts: true,
    sizes: { kvHeads: 1 },
    keys: (sizes) => ({
      ...deltaAttention(sizes),
      'attn_res.block_size': u32(12),
      'activation.situ_beta': f32(4),
      'activation.situ_linear_beta': f32(25),
      expert_latent_length: u32(sizes.width / 2),
    }),
  },
  bailingmoe3: { state: 'hybrid', experts: true, sizes: { kvHeads: 1 }, keys: deltaAttention },
  'minimax-01': {
    state: 'hybrid',
    experts: true,
    keys: () => ({ residual_scale: f32(1.1), full_attention_interval: u32(2) }),
    optional: ['output.weight', ...inLayer('*', 'ffn_gate_exps.weight')],
  },
};
