import { u32 } from '../../../bench/gguf-writer.ts';
import { unfolded } from './parts.ts';
import type { Recipe } from './recipe.ts';

const allHeads: Recipe = { sizes: { kvHeads: 4 } };

/** Models that must be refused, by architecture. */
export const refused: Readonly<Record<string, Recipe>> = {
  t5: {
    ...allHeads,
    keys: () => ({ 'attention.relative_buckets_count': u32(8) }),
    optional: ['output.weight', 'enc.blk.0.attn_rel_b.weight', 'dec.blk.0.attn_rel_b.weight'],
  },
  plm: { ...allHeads, keys: unfolded },
};
