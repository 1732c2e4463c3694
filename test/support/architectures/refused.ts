import { u32 } from '../../../bench/gguf-writer.ts';
import { unfolded } from './parts.ts';
import { inLayer, type Recipe } from './recipe.ts';

const allHeads: Recipe = { sizes: { kvHeads: 4 } };
const tokenTypes: Recipe = { ...allHeads, keys: () => ({ 'tokenizer.ggml.token_type_count': u32(2) }) };
const buckets = () => ({ 'attention.relative_buckets_count': u32(8) });

/** Models that must be refused, by architecture. */
export const refused: Readonly<Record<string, Recipe>> = {
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
  t5: {
    ...allHeads,
    keys: buckets,
    optional: ['output.weight', 'enc.blk.0.attn_rel_b.weight', 'dec.blk.0.attn_rel_b.weight'],
  },
  plm: { ...allHeads, keys: unfolded },
};
