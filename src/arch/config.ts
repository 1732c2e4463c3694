import { EngineError } from '../base/errors.ts';
import type { Metadata } from '../gguf/metadata.ts';
import type { Config } from './architecture.ts';
import { Keys } from './keys.ts';
import { type RopeOptions, readRope } from './rope.ts';

/** Ways in which heads pair the elements that rope rotates: neighbours, or first half with second half. */
export const ropeNormal = 0;
export const ropeNeox = 2;

/** Largest plausible heads * keyLength; more means a damaged file. */
const headLimit = 2 ** 18;

/**
 * Reads the keys that all architectures share. Throws METADATA_MISSING, METADATA_INVALID, UNSUPPORTED_MODEL, and
 * BAD_OPTION for an impossible rope.
 */
export function readConfig(metadata: Metadata, ropeMode: number, options?: RopeOptions): Config {
  const architecture = metadata.string('general.architecture');
  const keys = new Keys(metadata, architecture);

  const width = keys.count('embedding_length');
  const heads = keys.count('attention.head_count');
  const kvHeads = keys.count('attention.head_count_kv', heads);
  if (heads % kvHeads !== 0)
    keys.refuse('attention.head_count_kv', `is ${kvHeads}, which does not divide ${heads} heads`);
  const keyLength = keys.count('attention.key_length', Math.floor(width / heads));
  const valueLength = keys.count('attention.value_length', Math.floor(width / heads));
  if (keyLength !== valueLength)
    throw new EngineError('UNSUPPORTED_MODEL', { what: 'keys and values of different length' });
  if (heads * keyLength > headLimit) keys.refuse('attention.head_count', `is ${heads}, of ${keyLength} elements each`);
  if (keyLength % 8 !== 0) keys.refuse('attention.key_length', `is ${keyLength}, not a multiple of 8`);
  if (keys.number('expert_count', 0) > 0) throw new EngineError('UNSUPPORTED_MODEL', { what: 'a mixture of experts' });

  const trained = keys.count('context_length');
  const dims = keys.count('rope.dimension_count', keyLength);
  if (dims > keyLength || dims % 2 !== 0) keys.refuse('rope.dimension_count', `is ${dims} for heads of ${keyLength}`);
  const { rope, context } = readRope(keys, { mode: ropeMode, dims, context: trained }, options);
  return {
    architecture,
    layers: keys.count('block_count', undefined, 1024),
    width,
    heads,
    kvHeads,
    keyLength,
    valueLength,
    feedForward: keys.count('feed_forward_length'),
    vocabulary: metadata.arrayLength('tokenizer.ggml.tokens', undefined) ?? keys.count('vocab_size'),
    context,
    epsilon: keys.positive('attention.layer_norm_rms_epsilon'),
    rope,
    logitSoftcap: 0,
  };
}
