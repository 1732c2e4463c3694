import { toUSVString } from 'node:util';
import { ControlMarks } from '../chat/control-marks.ts';
import { rankTemplateOf } from '../chat/template-sources.ts';
import type { Metadata } from '../gguf/metadata.ts';
import { controlTokensOf, tokenizeParts } from '../text/control-tokens.ts';
import type { Vocabulary } from '../text/vocabulary.ts';

type TextOrTokens = string | readonly number[];

interface RankedTexts {
  readonly query: TextOrTokens;
  readonly texts: readonly TextOrTokens[];
  /** Tokens that there is room for. */
  readonly most: number;
}

/**
 * The tokens of a query with each text, as a reranker wants them: by the template in its file, or one behind the other with
 * the vocabulary's tokens around them. Throws CONTEXT_TOO_LONG, VOCABULARY_FAILED.
 */
export function rankedTokens(metadata: Metadata, vocabulary: Vocabulary, ranked: RankedTexts): readonly number[][] {
  const template = rankTemplateOf(metadata);
  return template === undefined ? pairs(vocabulary, ranked) : prompts(template, vocabulary, ranked);
}

function pairs(vocabulary: Vocabulary, { query, texts, most }: RankedTexts): readonly number[][] {
  const plain = { most, addSpecial: false, parseSpecial: false };
  const tokensOf = (text: TextOrTokens): readonly number[] =>
    typeof text === 'string' ? vocabulary.tokenize(text, plain) : text;
  const { bos, eos, addBos, addEos, separator } = vocabulary;
  const [begin, end] = [addBos ? [bos ?? []].flat() : [], addEos ? [eos ?? []].flat() : []];
  const first = [...begin, ...tokensOf(query), ...end, ...[separator ?? []].flat()];
  return texts.map((text) => [...first, ...tokensOf(text), ...end]);
}

/** Names of control tokens in the query and the texts are text, as they are in a conversation. */
function prompts(template: string, vocabulary: Vocabulary, { query, texts, most }: RankedTexts): readonly number[][] {
  const marks = new ControlMarks(controlTokensOf(vocabulary));
  const textOf = (text: TextOrTokens): string =>
    typeof text === 'string' ? text : new TextDecoder().decode(vocabulary.bytes(text, { special: false }));
  const marked = (text: TextOrTokens): string => marks.mark(toUSVString(textOf(text)));
  const markedQuery = marked(query);
  return texts.map((text) => {
    const values = { '{query}': markedQuery, '{document}': marked(text) };
    const filled = template.replace(/\{query\}|\{document\}/g, (name) => values[name as keyof typeof values]);
    return tokenizeParts(vocabulary, marks.parts(filled), { addSpecial: false, most });
  });
}
