import { at } from '../base/at.ts';
import type { Metadata } from '../gguf/metadata.ts';
import { Keys } from './keys.ts';

/** Ways of making one embedding of those of all tokens, in the order of their numbers in files. */
const poolings = ['none', 'mean', 'first', 'last', 'rank'] as const;

/**
 * A model's way of making one embedding of a text: the mean of all tokens' or that of one token; `rank` makes scores of it.
 * Models that were not made for embeddings say `none`.
 */
export type FilePooling = (typeof poolings)[number];

/** Reads the way of pooling. Throws METADATA_INVALID. */
export function readPooling(metadata: Metadata): FilePooling {
  const keys = new Keys(metadata, metadata.string('general.architecture'));
  const number = keys.number('pooling_type', 0);
  if (!Number.isInteger(number) || number < 0 || number >= poolings.length)
    keys.refuse('pooling_type', `is ${number}; expected a whole number from 0 to ${poolings.length - 1}`);
  return at(poolings, number);
}

/**
 * True for a decoder whose head makes scores of texts, by `general.architecture`: the probabilities of its labels, of which
 * the first one says that a text answers the query.
 */
export const scoresTexts = (architecture: string): boolean => ['qwen3', 'qwen3vl'].includes(architecture);
