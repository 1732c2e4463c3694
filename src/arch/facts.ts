import type { Metadata } from '../gguf/metadata.ts';
import type { Config } from './architecture.ts';
import { Keys } from './keys.ts';
import { type RopeOptions, readRope } from './rope.ts';

/** Facts of a model that its header tells, whoever builds its graphs. Numbers that differ by layer are the largest. */
export interface ModelFacts
  extends Pick<Config, 'architecture' | 'layers' | 'width' | 'heads' | 'kvHeads' | 'vocabulary' | 'context'> {
  /** The rotation of positions; of models without one it means nothing. */
  readonly rope: Pick<Config['rope'], 'base' | 'scale' | 'extFactor' | 'originalContext'>;
}

/** Libllama has room for no more. */
const mostLayers = 512;

/**
 * Reads the facts of a model of any architecture, whose rope is as `options` want it. Throws METADATA_MISSING,
 * METADATA_INVALID, and BAD_OPTION for an impossible rope.
 */
export function readFacts(metadata: Metadata, options?: RopeOptions): ModelFacts {
  const architecture = metadata.string('general.architecture');
  const keys = new Keys(metadata, architecture);
  const layers = keys.count('block_count', undefined, mostLayers);
  const heads = keys.largest('attention.head_count', layers, 0);
  checkExperts(keys, layers);
  keys.largest('feed_forward_length', layers, 0);
  const trained = keys.count('context_length');
  // Libllama knows which dimensions are rotated, and how heads pair them.
  const { rope, context } = readRope(keys, { mode: 0, dims: 0, context: trained }, options);
  return {
    architecture,
    layers,
    width: keys.count('embedding_length'),
    heads,
    kvHeads: keys.largest('attention.head_count_kv', layers, heads),
    vocabulary: metadata.arrayLength('tokenizer.ggml.tokens', undefined) ?? keys.count('vocab_size'),
    context,
    rope,
  };
}

/** Throws METADATA_INVALID where a token uses no expert of several, or more than there are. */
function checkExperts(keys: Keys, layers: number): void {
  const [experts, used] = [keys.number('expert_count', 0), keys.largest('expert_used_count', layers, 0)];
  if (experts > 1 && (used === 0 || used > experts)) {
    keys.refuse('expert_used_count', `is ${used}; expected a whole number from 1 to ${experts}, the number of experts`);
  }
}
