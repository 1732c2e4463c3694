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

/**
 * Reads the facts of a model of any architecture, whose rope is as `options` want it. Throws METADATA_MISSING,
 * METADATA_INVALID, and BAD_OPTION for an impossible rope.
 */
export function readFacts(metadata: Metadata, options?: RopeOptions): ModelFacts {
  const architecture = metadata.string('general.architecture');
  const keys = new Keys(metadata, architecture);
  const heads = keys.largest('attention.head_count', 0);
  const trained = keys.count('context_length');
  // Libllama knows which dimensions are rotated, and how heads pair them.
  const { rope, context } = readRope(keys, { mode: 0, dims: 0, context: trained }, options);
  return {
    architecture,
    layers: keys.count('block_count', undefined, 1024),
    width: keys.count('embedding_length'),
    heads,
    kvHeads: keys.largest('attention.head_count_kv', heads),
    vocabulary: metadata.arrayLength('tokenizer.ggml.tokens', undefined) ?? keys.count('vocab_size'),
    context,
    rope,
  };
}
