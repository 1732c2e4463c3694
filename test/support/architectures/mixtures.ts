import { arr, f32, u32 } from '../../../bench/gguf-writer.ts';
import { masked } from './dense.ts';
import { factors, indexer, latent, windowsByLayer, windowsByPeriod } from './parts.ts';
import { gated, inLayer, perLayer, type Recipe } from './recipe.ts';

/** A summand of the scores by which experts are chosen. */
const routerBias = ['output.weight', ...inLayer('*', 'exp_probs_b.bias')];
const qkvBias = inLayer('*', 'attn_q.bias', 'attn_k.bias', 'attn_v.bias');
const headNorms = inLayer('*', 'attn_q_norm.weight', 'attn_k_norm.weight');
/** For loaders that see by the tensors which layers have experts: all but the first. */
const denseThenExperts = [
  'output.weight',
  ...gated(0),
  ...gated(1, '_exps'),
  ...inLayer(1, 'ffn_gate_inp.weight', 'exp_probs_b.bias', 'exp_probs_b'),
];
const indexerTensors = inLayer(
  '*',
  ...['k_norm.weight', 'k_norm.bias', 'proj.weight', 'attn_k.weight', 'attn_q_b.weight'].map(
    (name) => `indexer.${name}`,
  ),
);
/** For loaders that can do without a gate of the experts. */
const gatedExperts = ['output.weight', ...inLayer('*', 'ffn_gate_exps.weight')];
const latentHead: Recipe = { state: 'latent', sizes: { kvHeads: 1 } };

const gemma4 = {
  state: 'windows',
  sizes: { layers: 4 },
  keys: (sizes) => ({
    ...windowsByLayer(sizes),
    'attention.key_length_swa': u32(32),
    'attention.value_length_swa': u32(32),
    'rope.dimension_count_swa': u32(32),
    'rope.freq_base_swa': f32(1e4),
    embedding_length_per_layer_input: u32(0),
    final_logit_softcapping: f32(30),
  }),
  // Layers that see all tokens have keys for values.
  optional: [
    ...[1, 3].flatMap((il) => inLayer(il, 'attn_v.weight')),
    ...inLayer(
      '*',
      'layer_output_scale.weight',
      'ffn_gate_inp.weight',
      'ffn_gate_up_exps.weight',
      'ffn_down_exps.scale',
    ),
  ],
} satisfies Recipe;

const recipes: Readonly<Record<string, Recipe>> = {
  'llama with experts': { architecture: 'llama', optional: gatedExperts },
  llama4: { state: 'windows', sizes: { layers: 4 }, keys: () => ({ interleave_moe_layer_step: u32(2) }) },
  grok: {
    keys: () => ({ attn_logit_softcapping: f32(30), router_logit_softcapping: f32(30) }),
    optional: [...gatedExperts, ...inLayer('*', 'layer_output_norm.weight')],
  },
  qwen2moe: { optional: ['output.weight', ...qkvBias] },
  qwen3moe: {},
  'qwen3moe with gates and ups in one': {
    architecture: 'qwen3moe',
    optional: ['output.weight', ...inLayer('*', 'ffn_gate_up_exps.weight')],
  },
  qwen3vlmoe: {},
  phimoe: {},
  gemma4,
  'gemma4 with embeddings per layer': {
    ...gemma4,
    architecture: 'gemma4',
    experts: false,
    keys: (sizes) => ({
      ...gemma4.keys(sizes),
      embedding_length_per_layer_input: u32(16),
      'attention.shared_kv_layers': u32(1),
    }),
    optional: inLayer('*', 'attn_v.weight', 'layer_output_scale.weight'),
  },
  cohere2moe: { state: 'windows', keys: (sizes) => ({ ...factors(), ...windowsByLayer(sizes) }) },
  dbrx: {
    keys: () => ({ 'attention.clamp_kqv': f32(8) }),
    optional: ['output.weight', ...inLayer('*', 'attn_qkv.weight')],
  },
  olmoe: { sizes: { kvHeads: 4 } },
  arctic: {},
  deepseek: {},
  deepseek2: { ...latentHead, keys: latent, optional: routerBias },
  'deepseek2-ocr': { sizes: { kvHeads: 4 }, optional: routerBias },
  deepseek32: { ...latentHead, keys: () => ({ ...latent(), ...indexer() }), optional: routerBias },
  deepseek4: {
    state: 'compressed',
    sizes: { layers: 4, width: 128, heads: 8, kvHeads: 1 },
    keys: () => ({
      'attention.key_length': u32(16),
      'attention.value_length': u32(16),
      'rope.dimension_count': u32(8),
      'attention.q_lora_rank': u32(48),
      ...indexer(),
      'attention.output_group_count': u32(8),
      'attention.output_lora_rank': u32(32),
      'attention.compress_ratios': arr('u32', [0, 0, 4, 128]),
      'attention.compress_rope_freq_base': f32(160_000),
      'hyper_connection.count': u32(4),
      'hyper_connection.sinkhorn_iterations': u32(2),
      'hyper_connection.epsilon': f32(1e-6),
      hash_layer_count: u32(0),
      swiglu_clamp_exp: f32(10),
      expert_gating_func: u32(4), // square root of softplus
    }),
  },
  glm4moe: { optional: [...routerBias, ...qkvBias, ...headNorms] },
  'glm4moe with a layer for drafts': {
    architecture: 'glm4moe',
    draftLayer: true,
    optional: [...routerBias, ...qkvBias, ...headNorms],
  },
  'glm-dsa': {
    ...latentHead,
    keys: () => ({ ...latent(), ...indexer() }),
    optional: [...routerBias, ...indexerTensors],
  },
  'exaone-moe': { state: 'windows', keys: windowsByPeriod, optional: routerBias },
  granitemoe: { keys: factors, optional: gatedExperts },
  bailingmoe: {},
  bailingmoe2: { optional: routerBias },
  dots1: { sizes: { kvHeads: 4 }, optional: routerBias },
  dots3note: {
    ...latentHead,
    keys: (sizes) => ({
      ...latent(),
      ...indexer(),
      ...windowsByLayer(sizes),
      'attention.kv_lora_rank_swa': u32(32),
      'attention.key_length_swa': u32(48),
      'attention.value_length_swa': u32(32),
      'attention.key_length_mla_swa': u32(40),
      'attention.value_length_mla_swa': u32(24),
      'rope.freq_base_swa': f32(1e4),
      'attention.indexer.types': arr(
        'u32',
        perLayer(sizes, (il) => (il + 1) % 2),
      ),
    }),
  },
  afmoe: { state: 'windows', keys: windowsByPeriod, optional: routerBias },
  laguna: { state: 'windows', keys: windowsByPeriod },
  'laguna with a gate of each element': {
    architecture: 'laguna',
    state: 'windows',
    keys: windowsByPeriod,
    rows: ({ width }) => ({ 'attn_gate.weight': width }),
  },
  'ernie4_5-moe': {
    keys: () => ({ interleave_moe_layer_step: u32(1) }),
    optional: [...routerBias, ...inLayer('*', 'ffn_gate_exps.weight')],
  },
  'hunyuan-moe': {},
  hy_v3: { optional: [...denseThenExperts, ...gated(1, '_shexp')] },
  'gpt-oss': { state: 'windows', keys: windowsByPeriod, optional: qkvBias },
  smallthinker: { state: 'windows', keys: windowsByPeriod },
  'llada-moe': masked,
  grovemoe: { keys: () => ({ expert_group_scale: f32(0.05), experts_per_group: u32(2) }) },
  'minimax-m2': {},
  'minimax-m3': {
    keys: ({ kvHeads }) => ({
      'attention.indexer.head_count': u32(kvHeads),
      'attention.indexer.key_length': u32(64),
      'attention.indexer.top_k': u32(8),
      'attention.indexer.block_size': u32(4),
      'attention.indexer.local_blocks': u32(1),
    }),
  },
  rnd1: masked,
  mistral4: { ...latentHead, keys: latent, optional: routerBias },
  mimo2: {
    state: 'windows',
    keys: windowsByLayer,
    optional: [...denseThenExperts, ...inLayer('*', 'attn_sinks.weight')],
  },
  step35: {
    state: 'windows',
    keys: windowsByLayer,
    optional: [...denseThenExperts, ...gated(1, '_shexp'), ...headNorms, ...inLayer('*', 'attn_gate.weight')],
  },
  mellum: { state: 'windows', keys: windowsByPeriod },
};

/** Architectures some of whose layers have experts, and none a recurrent state. */
export const mixtures: Readonly<Record<string, Recipe>> = {
  ...Object.fromEntries(Object.entries(recipes).map(([name, recipe]) => [name, { experts: true, ...recipe }])),
  // Adapters are its experts: they are multiplied by their number as well.
  graniteswitch: {
    keys: () => ({
      ...factors(),
      'adapters.count': u32(2),
      'adapters.lora_rank': u32(8),
      'adapters.token_ids_activate': arr('i32', [5, 6]),
      'adapters.token_ids_substitute': arr('i32', [7, 8]),
    }),
  },
};
