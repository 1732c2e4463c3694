import type { Metadata } from '../gguf/metadata.ts';
import { type FilePooling, readPooling } from './pooling.ts';

/**
 * Architectures that make embeddings of whole texts, in which each token sees all others, by `general.architecture`. They
 * predict no next token.
 */
export const encoderArchitectures: readonly string[] = [
  'bert',
  'eurobert',
  'gemma-embedding',
  'jina-bert-v2',
  'jina-bert-v3',
  'llama-embed',
  'modern-bert',
  'neo-bert',
  'nomic-bert',
  'nomic-bert-moe',
  't5encoder',
];

export const isEncoder = (architecture: string): boolean => encoderArchitectures.includes(architecture);

/** The pooling of a model that makes embeddings of whole texts, a mean if its file does not say; undefined for others. */
export function wholePooling(metadata: Metadata): Exclude<FilePooling, 'none'> | undefined {
  if (!isEncoder(metadata.string('general.architecture'))) return undefined;
  const pooling = readPooling(metadata);
  return pooling === 'none' ? 'mean' : pooling;
}
