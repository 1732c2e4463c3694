/** Characters of a reason; more than one screen line says no more. */
const longest = 300;

/**
 * The words of a library or another program as a part of a line: no breaks or control characters, no more than 300
 * characters, and no folders of the machine that compiled it.
 */
export const shortLine = (words: string): string =>
  words
    .slice(0, 16 * longest)
    .replace(/(?<=^|\s)\/\S*\/(?=[^/\s]+:\d+\b)/g, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, longest);

/** The most texts that a sentence lists. */
const mostListed = 10;

/** Texts as a list in a sentence, of many the first ones. */
export const someOf = (texts: readonly string[]): string =>
  texts.length > mostListed ? `${texts.slice(0, mostListed).join(', ')}, …` : texts.join(', ');
