import { u32 } from '../../../bench/gguf-writer.ts';
import { unfolded } from './parts.ts';
import { inLayer, type Recipe } from './recipe.ts';

/** An architecture without a model that goes on with a text. */
export interface UnusableArchitecture {
  readonly architecture: string;
  readonly reason: string;
  /** For a file that must be refused; undefined where none can be made. */
  readonly recipe?: Recipe;
}

const allHeads: Recipe = { sizes: { kvHeads: 4 } };
const tokenTypes: Recipe = { ...allHeads, keys: () => ({ 'tokenizer.ggml.token_type_count': u32(2) }) };
const buckets = () => ({ 'attention.relative_buckets_count': u32(8) });

/** Architectures that make embeddings of a text. */
const encoders: Readonly<Record<string, Recipe | undefined>> = {
  bert: tokenTypes,
  'modern-bert': {},
  'nomic-bert': { ...tokenTypes, optional: inLayer('*', 'attn_qkv.weight') },
  'nomic-bert-moe': {
    ...tokenTypes,
    experts: true,
    keys: () => ({ 'tokenizer.ggml.token_type_count': u32(2), moe_every_n_layers: u32(2) }),
  },
  'neo-bert': {},
  'jina-bert-v2': undefined,
  'jina-bert-v3': tokenTypes,
  eurobert: {},
  'gemma-embedding': {},
  'llama-embed': {},
  t5encoder: { ...allHeads, keys: buckets, optional: ['enc.blk.0.attn_rel_b.weight'] },
};

const drafter = 'it drafts for another model, with whose states it must be run';

export const unusable: readonly UnusableArchitecture[] = [
  ...Object.entries(encoders).map(([architecture, recipe]) => ({
    architecture,
    reason: 'it makes embeddings of a text, no next token',
    ...(recipe && { recipe }),
  })),
  {
    architecture: 't5',
    reason: 'its decoder needs what an encoder makes of another text',
    recipe: {
      ...allHeads,
      keys: buckets,
      optional: ['output.weight', 'enc.blk.0.attn_rel_b.weight', 'dec.blk.0.attn_rel_b.weight'],
    },
  },
  {
    architecture: 'plm',
    reason:
      'libllama ends its process while it builds the graph of more than one token, whose shapes do not fit together',
    recipe: { ...allHeads, keys: unfolded },
  },
  { architecture: 'clip', reason: 'it sees images; libllama says "CLIP cannot be used as main model"' },
  { architecture: 'gptj', reason: 'libllama knows its name only, and says "unsupported model architecture"' },
  { architecture: 'wavtokenizer-dec', reason: 'it makes sound of codes, no next token' },
  { architecture: 'eagle3', reason: drafter },
  { architecture: 'dflash', reason: drafter },
  { architecture: 'gemma4-assistant', reason: drafter },
];
