import { distance } from 'fastest-levenshtein';

/** The share of a word's letters that may be wrong. */
const mostWrong = 0.34;

/** The share of letters, of the longer one's, in which two texts differ. */
export const lettersApart = (a: string, b: string): number => distance(a, b) / Math.max(a.length, b.length, 1);

const plain = (word: string): string => word.toLowerCase().replaceAll(/[-_]/g, '');

/** The word that may have been meant by another, in any case and with any dashes; undefined where none is like it. */
function nearestWord(wanted: string, words: Iterable<string>): string | undefined {
  const given = plain(wanted.slice(0, 100));
  let best: { readonly word: string; readonly wrong: number } | undefined;
  for (const word of words) {
    const wrong = lettersApart(given, plain(word));
    if (wrong <= mostWrong && wrong < (best?.wrong ?? Number.POSITIVE_INFINITY)) best = { word, wrong };
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
