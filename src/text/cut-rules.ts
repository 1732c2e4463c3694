import { type CutRule, maxPartUnits } from './text-parts.ts';

/**
 * Pre-tokenizers (`tokenizer.ggml.pre`) that libllama matches by loops of its own, all but single characters: a match
 * may have any length. Letters, digits, blanks and signs are never mixed in one, but for a character before letters.
 */
const looped: ReadonlySet<string> = new Set(
  `llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano dbrx smaug-bpe glm4 chatglm-bpe
   starcoder refact command-r smollm codeshell exaone minerva-7b mellum2
   gpt-2 phi-2 jina-es jina-de jina-v1-en jina-v2-es jina-v2-de jina-v2-code gigachat a.x-4.0 mellum modern-bert
   roberta-bpe exaone4 mpt olmo jais trillion granite-docling
   qwen2 deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open qwen35 grok-2 kimi-k2 laguna`.split(/\s+/),
);

/** Pre-tokenizers whose matches are lines. */
const lines: ReadonlySet<string> = new Set(['gemma4', 'granite-embed-multi-311m', 'sarvam-moe']);

/** Pre-tokenizers whose matches have several words. */
const manyWords: ReadonlySet<string> = new Set(['exaone-moe', 'superbpe']);

/**
 * Longest match of the other pre-tokenizers. Libllama matches with std::regex, which recurses once per character: 5000
 * to 6500 letters, digits or signs in a row overflow the 2 MiB stack of a foreign call.
 */
const longestMatch = 2048;

const newLine = 0x0a;
const blanks: ReadonlySet<number> = new Set(unitsOf(' \t\r\n'));
/** Punctuation that ends a word for every pre-tokenizer that ends one anywhere. */
const fullStops: ReadonlySet<number> = new Set(unitsOf('、。，'));

function unitsOf(text: string): readonly number[] {
  return Array.from(text, (_, i) => text.charCodeAt(i));
}

const matches = (pattern: RegExp, unit: number): boolean => pattern.test(String.fromCharCode(unit));
const isWord = (unit: number): boolean => matches(/[\p{L}\p{Nd}]/u, unit);
const isDigit = (unit: number): boolean => matches(/[0-9]/, unit);
/** An apostrophe may continue the word before it. */
const isSign = (unit: number): boolean => matches(/[^'’\P{P}]|\p{S}/u, unit);

const afterWords = (before: number, after: number): boolean =>
  (blanks.has(after) || fullStops.has(after)) && isWord(before);

const aroundWords = (before: number, after: number): boolean =>
  isWord(before) && (blanks.has(after) || isSign(after) || (isWord(after) && isDigit(before) !== isDigit(after)));

const aroundLines = (before: number, after: number): boolean => (before === newLine) !== (after === newLine);

/**
 * Cutting for byte pairs, which are merged within the matches of a pre-tokenizer; `names` has the pairs in tokens that
 * are read by name.
 */
export function bytePairCutRule(pre: string, names: UnitPairs): CutRule {
  if (manyWords.has(pre)) return { stretch: longestMatch, between: () => false };
  const [between, stretch] = looped.has(pre)
    ? [aroundWords, maxPartUnits]
    : lines.has(pre)
      ? [aroundLines, maxPartUnits]
      : [afterWords, longestMatch];
  return { stretch, between: (before, after) => between(before, after) && !names.has(before, after) };
}

/** Text before all parts but the first: SentencePiece may put a space before the begin of a text. */
export const partPrefix = '\n';

const space = 0x20;
/** SentencePiece's sign for a space. */
const spaceSign = 0x2581;
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit < 0xe000;

/**
 * Cutting for SentencePiece, which merges anything that makes a token: `tokens` has the pairs in all of them, their
 * spaces as such.
 */
export function sentencePieceCutRule(tokens: UnitPairs): CutRule {
  const plain = (unit: number): number => (unit === spaceSign ? space : unit);
  const between = (before: number, after: number): boolean =>
    !blanks.has(before) &&
    !isLowSurrogate(after) &&
    !tokens.has(plain(before), plain(after)) &&
    !tokens.has(newLine, plain(after));
  return { stretch: maxPartUnits, between };
}

/**
 * Cutting before spaces, and with `anyBlank` before other blanks too, for vocabularies that put a space before each word:
 * `tokens` has the pairs in those that may have one within.
 */
export const wordsCutRule = (tokens: UnitPairs, { anyBlank }: { readonly anyBlank: boolean }): CutRule => ({
  stretch: maxPartUnits,
  between: (before, after) =>
    (after === space || (anyBlank && blanks.has(after))) && !blanks.has(before) && !tokens.has(before, space),
});

const byteOrderMark = 0xfeff;

/**
 * Cutting for vocabularies that split no text before its tokens are sought: no token may reach across. `tokens` has the
 * pairs in all of them, but for the halves of characters that some consist of: with `halves`, the text is cut between
 * ASCII characters alone.
 */
export function wholeTokensCutRule(tokens: UnitPairs, { halves }: { readonly halves: boolean }): CutRule {
  const between = (before: number, after: number): boolean =>
    (!halves || (before < 0x80 && after < 0x80)) &&
    !isLowSurrogate(after) &&
    // PLaMo 2 leaves one out where a text begins.
    after !== byteOrderMark &&
    !tokens.has(before, after);
  return { stretch: maxPartUnits, between };
}

const bits = 22;

/**
 * Pairs of neighbouring UTF-16 units that some tokens have in them, in 512 KiB. A pair that was added is always found;
 * so are a few others.
 */
export class UnitPairs {
  readonly #bits: Uint32Array = new Uint32Array(2 ** bits / 32);

  add(before: number, after: number): void {
    const place = placeOf(before, after);
    this.#bits[place >>> 5] = (this.#bits[place >>> 5] as number) | (1 << (place & 31));
  }

  addAll(text: string): void {
    for (let i = 1; i < text.length; i += 1) this.add(text.charCodeAt(i - 1), text.charCodeAt(i));
  }

  has(before: number, after: number): boolean {
    const place = placeOf(before, after);
    return (((this.#bits[place >>> 5] as number) >>> (place & 31)) & 1) === 1;
  }
}

const placeOf = (before: number, after: number): number =>
  Math.imul((before << 16) | after, 0x9e3779b1) >>> (32 - bits);
