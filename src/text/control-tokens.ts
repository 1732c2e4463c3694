import { tokenAttributes } from '../ggml/llama.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A control token: its name in a text is the token where that is asked for. */
export interface ControlToken {
  readonly text: string;
  /** True if the token takes the blanks before it, or behind it, with it. */
  readonly stripsLeft: boolean;
  readonly stripsRight: boolean;
}

/** A part of a prompt; names of control tokens in a `special` one are these tokens, in others they are text. */
export interface PromptPart {
  readonly text: string;
  readonly special: boolean;
}

const readIfAsked = tokenAttributes.control | tokenAttributes.unknown;

/** The control tokens of a vocabulary, of which all tokens are looked at: a tenth of a microsecond each. */
export function controlTokensOf(vocabulary: Vocabulary): readonly ControlToken[] {
  const found: ControlToken[] = [];
  for (let token = 0; token < vocabulary.size; token += 1) {
    const attributes = vocabulary.attributes(token);
    if ((attributes & readIfAsked) === 0) continue;
    found.push({
      text: vocabulary.nameOf(token),
      stripsLeft: (attributes & tokenAttributes.stripsLeft) !== 0,
      stripsRight: (attributes & tokenAttributes.stripsRight) !== 0,
    });
  }
  return found;
}

/**
 * The tokens of parts that make up a text and meet at control tokens. With `addSpecial` tokens stand around them as the
 * model wants. Throws CONTEXT_TOO_LONG as soon as there are more than `most`, and VOCABULARY_FAILED.
 */
export function tokenizeParts(
  vocabulary: Vocabulary,
  parts: readonly PromptPart[],
  { addSpecial, most }: { readonly addSpecial: boolean; readonly most: number },
): number[] {
  const { bos, eos, addBos, addEos } = vocabulary;
  const tokens = addSpecial && addBos && bos !== undefined ? [bos] : [];
  for (const { text, special } of parts) {
    const options = { addSpecial: false, parseSpecial: special, most, before: tokens.length };
    for (const token of vocabulary.tokenize(text, options)) tokens.push(token);
  }
  if (addSpecial && addEos && eos !== undefined) tokens.push(eos);
  return tokens;
}
