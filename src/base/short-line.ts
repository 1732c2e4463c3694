/** Characters of a reason; more than one screen line says no more. */
const longest = 300;

/** Another program's words as a part of a line: no breaks or control characters, and no more than 300 characters. */
export const shortLine = (words: string): string =>
  words
    .slice(0, 16 * longest)
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .trim()
    .slice(0, longest);

/** The most texts that a sentence lists. */
const mostListed = 10;

/** Texts as a list in a sentence, of many the first ones. */
export const someOf = (texts: readonly string[]): string =>
  texts.length > mostListed ? `${texts.slice(0, mostListed).join(', ')}, …` : texts.join(', ');

/** A line about a failure in a library, without the path of the machine that compiled it. */
export const libraryLine = (text: string): string => shortLine(text.replace(/^\/\S*\/(?=[^/\s]+:\d+: )/, ''));
