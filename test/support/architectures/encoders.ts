import { u32 } from '../../../bench/gguf-writer.ts';
import type { AskedTensor } from './asked-tensors.ts';
import { inLayer, perLayer, type Recipe, type Sizes } from './recipe.ts';

const allHeads: Recipe = { sizes: { kvHeads: 4 } };
const tokenTypes: Recipe = { ...allHeads, keys: () => ({ 'tokenizer.ggml.token_type_count': u32(2) }) };
const buckets = () => ({ 'attention.relative_buckets_count': u32(8) });

/**
 * The tensors of jina-bert-v2, whose loader ends the process when it is asked for them; the gate and the matrix beside it
 * may be one matrix, `ffn_up`.
 */
function jinaTensors(sizes: Sizes, { fused }: { readonly fused: boolean }): readonly AskedTensor[] {
  const { width, vocabulary, feedForward } = sizes;
  const norm = (name: string): readonly AskedTensor[] =>
    ['weight', 'bias'].map((part) => ({ name: `${name}.${part}`, shape: [width] }));
  const matrix = (name: string, shape: readonly number[]): AskedTensor => ({ name: `${name}.weight`, shape });
  return [
    matrix('token_embd', [width, vocabulary]),
    matrix('token_types', [width, 2]),
    ...norm('token_embd_norm'),
    ...perLayer(sizes, (il) => [
      ...['attn_q', 'attn_k', 'attn_v', 'attn_output'].map((name) => matrix(`blk.${il}.${name}`, [width, width])),
      { name: `blk.${il}.attn_output.bias`, shape: [width] },
      ...norm(`blk.${il}.attn_output_norm`),
      ...(fused
        ? [matrix(`blk.${il}.ffn_up`, [width, 2 * feedForward])]
        : ['ffn_gate', 'ffn_up'].map((name) => matrix(`blk.${il}.${name}`, [width, feedForward]))),
      matrix(`blk.${il}.ffn_down`, [feedForward, width]),
      { name: `blk.${il}.ffn_down.bias`, shape: [width] },
      ...norm(`blk.${il}.layer_output_norm`),
    ]).flat(),
  ];
}

/** Models that make embeddings of whole texts, by architecture. */
export const encoders: Readonly<Record<string, Recipe>> = {
  bert: tokenTypes,
  'modern-bert': {},
  'nomic-bert': { ...tokenTypes, optional: inLayer('*', 'attn_qkv.weight') },
  'nomic-bert-moe': {
    ...tokenTypes,
    experts: true,
    keys: () => ({ 'tokenizer.ggml.token_type_count': u32(2), moe_every_n_layers: u32(2) }),
  },
  'neo-bert': {},
  'jina-bert-v3': tokenTypes,
  eurobert: {},
  // Libllama fails where no layer sees all tokens.
  'gemma-embedding': { sizes: { layers: 6 } },
  'llama-embed': {},
  t5encoder: { ...allHeads, keys: buckets, optional: ['enc.blk.0.attn_rel_b.weight'] },
  'jina-bert-v2': { ...tokenTypes, tensors: (sizes) => jinaTensors(sizes, { fused: false }) },
  'jina-bert-v2 with a fused gate': {
    ...tokenTypes,
    architecture: 'jina-bert-v2',
    tensors: (sizes) => jinaTensors(sizes, { fused: true }),
  },
};
