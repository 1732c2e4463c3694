import { EngineError } from '../base/errors.ts';
import type { Metadata } from '../gguf/metadata.ts';

const key = 'tokenizer.ggml.tokens';

/**
 * Throws VOCABULARY_DIFFERS, with the first token that differs, unless both models have the same tokens: else one could
 * not read the other's text. One may have more than the other: many are padded.
 */
export function checkSameTokens(draft: Metadata, target: Metadata): void {
  const [ours, theirs] = [draft.strings(key, []), target.strings(key, [])];
  const common = Math.min(ours.length, theirs.length);
  const differs = ours.findIndex((token, i) => i < common && token !== theirs[i]);
  const token = differs < 0 && common === 0 && ours.length !== theirs.length ? 0 : differs;
  if (token < 0) return;
  throw new EngineError('VOCABULARY_DIFFERS', {
    draft: draft.file,
    target: target.file,
    token,
    drafted: ours[token],
    wanted: theirs[token],
  });
}
