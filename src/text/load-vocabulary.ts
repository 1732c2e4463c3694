import { EngineError } from '../base/errors.ts';
import type { Pointer } from '../ggml/library.ts';
import { loadLlama } from '../ggml/llama.ts';
import { lastLog } from '../ggml/log.ts';

/** A vocabulary of libllama's. */
export interface LoadedVocabulary {
  readonly model: Pointer;
  /** The reason to doubt its tokens, as a sentence. */
  readonly doubt: string | undefined;
}

const unknownSplit = (pre: string): string =>
  `the file splits texts into words in a way that libllama does not know (tokenizer.ggml.pre is ${JSON.stringify(pre)}): ` +
  'the usual one is taken; tokens, and answers, may be wrong';

/**
 * Loads the vocabulary of a GGUF file. Texts are split in libllama's usual way where it does not know that of the file.
 * Throws VOCABULARY_FAILED, LIBRARY_MISSING.
 */
export function loadVocabulary(file: string): LoadedVocabulary {
  const llama = loadLlama();
  const model = llama.loadVocabularyModel(file, 'own');
  if (model) return { model, doubt: undefined };
  const reason = lastLog();
  const [, pre] = /unknown pre-tokenizer type: '(.*)'/.exec(reason) ?? [];
  const other = pre === undefined ? undefined : llama.loadVocabularyModel(file, 'usual');
  if (!other || pre === undefined) throw new EngineError('VOCABULARY_FAILED', { file, reason });
  return { model: other, doubt: unknownSplit(pre) };
}
