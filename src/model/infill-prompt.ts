import { EngineError, isTooLong } from '../base/errors.ts';
import type { Vocabulary } from '../text/vocabulary.ts';

/** Another file of a project. */
export interface InfillFile {
  readonly name: string;
  readonly text: string;
}

/** The texts between which a model fills in, and other files that it shall know. */
export interface Infill {
  readonly prefix: string;
  readonly suffix: string;
  readonly files?: readonly InfillFile[] | undefined;
}

type InfillVocabulary = Pick<Vocabulary, 'infill' | 'bos' | 'addBos' | 'tokenize' | 'file'>;

/** A text between files where the vocabulary has no token for that, as llama.cpp writes it. */
const snippet = '\n\n--- snippet ---\n\n';

/**
 * The tokens of a prompt for filling in, at most `most`, in the order that models are trained for: files, then prefix
 * and suffix. Throws NO_INFILL where the vocabulary has no tokens for it, CONTEXT_TOO_LONG.
 */
export function infillTokens(
  vocabulary: InfillVocabulary,
  { prefix, suffix, files = [] }: Infill,
  most: number,
): number[] {
  const { infill: tokens, bos, addBos } = vocabulary;
  if (!tokens) throw new EngineError('NO_INFILL', { file: vocabulary.file });
  const prompt: number[] = [];
  const push = (...parts: readonly (number | undefined | string)[]): void => {
    for (const part of parts) {
      if (part === undefined) continue;
      const some = typeof part === 'number' ? [part] : counted(vocabulary, part, prompt.length, most);
      for (const token of some) prompt.push(token);
    }
  };
  if (files.length > 0 && tokens.repository !== undefined) push(tokens.repository, 'myproject\n');
  for (const { name, text } of files) {
    if (tokens.separator === undefined) push(snippet, text);
    else push(tokens.separator, `${name}\n`, text);
  }
  if (files.length > 0 && tokens.separator !== undefined) push(tokens.separator, 'filename\n');
  push(addBos ? bos : undefined, tokens.prefix, prefix, tokens.suffix, suffix, tokens.middle);
  return prompt;
}

/** The tokens of a text behind `before` others: the error for too many counts them all. */
function counted(vocabulary: InfillVocabulary, text: string, before: number, most: number): readonly number[] {
  try {
    return vocabulary.tokenize(text, { addSpecial: false, parseSpecial: false, most: Math.max(0, most - before) });
  } catch (error) {
    if (!isTooLong(error)) throw error;
    throw new EngineError('CONTEXT_TOO_LONG', { prompt: before + error.details.prompt, context: most, atLeast: true });
  }
}
