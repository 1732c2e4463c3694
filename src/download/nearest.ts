import { distance } from 'fastest-levenshtein';

/** The texts that are most like another, the nearest first. */
export const nearest = (wanted: string, texts: Iterable<string>, most: number): readonly string[] =>
  [...new Set(texts)]
    .map((text) => ({ text, apart: distance(wanted.toLowerCase(), text.toLowerCase()) }))
    .sort((a, b) => a.apart - b.apart || (a.text < b.text ? -1 : 1))
    .slice(0, most)
    .map(({ text }) => text);
