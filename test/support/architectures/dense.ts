import { bool, f32, u32 } from '../../../bench/gguf-writer.ts';
import { factors, unfolded, windowsByLayer, windowsByPeriod } from './parts.ts';
import { inLayer, type Recipe } from './recipe.ts';

/** Every query head has a head of keys and values of its own. */
const allHeads: Recipe = { sizes: { kvHeads: 4 } };
const oneHead: Recipe = { sizes: { kvHeads: 1 } };
/** One matrix for queries, keys and values. */
const fusedQkv = inLayer('*', 'attn_qkv.weight', 'attn_qkv.bias');
const tied: readonly string[] = [];
/** It fills in masked tokens: attention sees the whole batch, and nothing else. */
export const masked: Recipe = { state: 'nothing' };
const alibi = () => ({ 'attention.max_alibi_bias': f32(8) });

/** Architectures whose layers are all of attention and one feed-forward network. */
export const dense: Readonly<Record<string, Recipe>> = {
  llama: { optional: ['output.weight', 'rope_freqs.weight'] },
  'llama with a tied head': { architecture: 'llama', optional: tied },
  deci: {},
  falcon: oneHead,
  gpt2: { ...allHeads, optional: ['output.weight', ...fusedQkv] },
  gptneox: {
    ...allHeads,
    keys: () => ({ use_parallel_residual: bool(true) }),
    optional: ['output.weight', ...fusedQkv],
  },
  mpt: { ...allHeads, keys: alibi, optional: ['output.weight', ...fusedQkv] },
  baichuan: allHeads,
  starcoder: { ...oneHead, optional: ['output.weight', ...fusedQkv] },
  refact: oneHead,
  bloom: { ...allHeads, optional: ['output.weight', ...fusedQkv] },
  stablelm: {
    keys: () => ({ 'rope.dimension_count': u32(8) }),
    optional: ['output.weight', ...inLayer('*', 'ffn_norm.weight', 'ffn_norm.bias')],
  },
  qwen: allHeads,
  qwen2: { optional: ['output.weight', ...inLayer('*', 'attn_q.bias', 'attn_k.bias', 'attn_v.bias')] },
  qwen2vl: { optional: ['output.weight', ...inLayer('*', 'attn_q.bias', 'attn_k.bias', 'attn_v.bias')] },
  qwen3: {},
  qwen3vl: {},
  qwen3tts: { sizes: { vocabulary: 3072 } },
  phi2: {},
  phi3: { optional: ['output.weight', ...fusedQkv, 'rope_factors_long.weight', 'rope_factors_short.weight'] },
  plamo: {},
  plamo3: { state: 'windows', keys: windowsByPeriod },
  codeshell: { optional: ['token_embd.weight', 'output.weight', ...fusedQkv] },
  orion: {},
  internlm2: {},
  minicpm: { keys: factors },
  minicpm3: { ...allHeads, keys: unfolded },
  gemma: { optional: tied },
  gemma2: {
    state: 'windows',
    keys: () => ({ attn_logit_softcapping: f32(50), final_logit_softcapping: f32(30) }),
    optional: tied,
  },
  gemma3: { state: 'windows', sizes: { layers: 3 }, keys: windowsByPeriod, optional: tied },
  // The number of layers with keys and values of their own is fixed: 20.
  gemma3n: { state: 'windows', sizes: { layers: 22, heads: 2, kvHeads: 1 }, optional: tied },
  starcoder2: {},
  xverse: {},
  'command-r': { keys: factors, optional: tied },
  cohere2: { state: 'windows', keys: () => ({ ...factors(), ...windowsByPeriod() }), optional: tied },
  olmo: {},
  olmo2: { state: 'windows', keys: windowsByPeriod },
  'muse-glimmer': { state: 'windows', keys: (sizes) => ({ ...factors(), ...windowsByLayer(sizes) }) },
  openelm: { optional: tied },
  chatglm: { optional: ['output.weight', ...fusedQkv] },
  glm4: {},
  bitnet: { optional: tied },
  jais: { ...allHeads, keys: alibi, optional: ['output.weight', ...fusedQkv] },
  jais2: allHeads,
  nemotron: {},
  exaone: {},
  exaone4: { state: 'windows', keys: windowsByPeriod },
  granite: { keys: factors },
  granite_swa: { state: 'windows', keys: (sizes) => ({ ...factors(), ...windowsByLayer(sizes) }) },
  // Tokens of images lie below 8196.
  chameleon: { sizes: { vocabulary: 8448 }, hidesInFirstRow: true },
  arcee: {},
  ernie4_5: {},
  'hunyuan-dense': {},
  hunyuan_vl: {},
  smollm3: {},
  dream: masked,
  llada: masked,
  seed_oss: {},
  apertus: {
    keys: () => ({ 'xielu.alpha_n': f32(1), 'xielu.alpha_p': f32(1), 'xielu.beta': f32(0.5), 'xielu.eps': f32(1e-6) }),
  },
  cogvlm: { ...allHeads, allOutputs: true },
  'pangu-embedded': {},
  mistral3: {},
  paddleocr: {},
  maincoder: {},
  talkie: { keys: factors },
  nanbeige: { keys: () => ({ num_loops: u32(2) }) },
  pockettts: { ...allHeads, optional: fusedQkv },
};
