import { distance } from 'fastest-levenshtein';

/** The share of a word's letters that may be wrong. */
const mostWrong = 0.34;

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_]/g, '');

/** The word that may have been meant by another, in any case and with any dashes; undefined where none is like it. */
function nearestWord(wanted: string, words: Iterable<string>): string | undefined {
  const given = plain(wanted.slice(0, 100));
  let best: { readonly word: string; readonly apart: number } | undefined;
  for (const word of words) {
    const apart = distance(given, plain(word)) / Math.max(given.length, plain(word).length, 1);
    if (apart <= mostWrong && apart < (best?.apart ?? Number.POSITIVE_INFINITY)) best = { word, apart };
  }
  return best?.word;
}

/** The words that are expected in place of another, the one that may have been meant first. */
export function oneOfWords(wanted: string, words: readonly string[]): string {
  const near = nearestWord(wanted, words);
  const others = words.filter((word) => word !== near).join(', ');
  return near === undefined ? `one of ${others}` : `${near}, perhaps, or another of ${others}`;
}

/**
 * A word in brackets behind another that nobody knows; empty where none is like it.
 *
 * @example perhaps('temprature', ['temperature', 'top_k']) // ' (did you mean temperature?)'
 */
export function perhaps(wanted: string, words: Iterable<string>): string {
  const word = nearestWord(wanted, words);
  return word === undefined ? '' : ` (did you mean ${word}?)`;
}
