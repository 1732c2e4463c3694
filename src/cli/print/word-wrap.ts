import { eastAsianWidth } from 'get-east-asian-width';

/** Marks that stand on the character before them, and characters that join others. */
const zeroWidth = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const blank = /^[ \t]$/;
/** Beginnings of lines whose form matters: code, and rows of tables. */
const fence = '```';
const row = '|';

/** Columns of a terminal that a character takes. */
function widthOf(character: string): number {
  if (zeroWidth.test(character)) return 0;
  return eastAsianWidth(character.codePointAt(0) ?? 0);
}

const textWidth = (text: string): number => [...text].reduce((sum, character) => sum + widthOf(character), 0);

/** Lines of at most `width` columns, cut between words; those behind the first are indented as it is, and two further. */
export function wrapLine(line: string, width: number): readonly string[] {
  const [indent = ''] = /^ */.exec(line) ?? [];
  const lines: string[] = [];
  let current = indent;
  let empty = true;
  for (const word of line.slice(indent.length).split(' ')) {
    if (!empty && textWidth(current) + 1 + textWidth(word) > width) {
      lines.push(current);
      current = `${indent}  ${word}`;
    } else current += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, current];
}

/** A line as a stream shows it: cut between words at a terminal, whole elsewhere. */
export const linesFor = (line: string, { isTTY, columns }: { isTTY: boolean; columns: number }): readonly string[] =>
  isTTY && columns > 0 ? wrapLine(line, columns) : [line];

/**
 * Text that comes piece by piece, wrapped between words for a terminal: the beginning of a word that turns out too long for
 * its line is taken back, and written again on the next. Code and tables stay as they are. It holds nothing back.
 */
export class WordWrap {
  #column = 0;
  /** The word that is being written, and its columns. */
  #word = '';
  #wordWidth = 0;
  /** The first characters of the line, without blanks. */
  #opening = '';
  #inCode = false;

  /** The text, with line breaks and codes for a terminal of `columns`. */
  push(text: string, columns: number): string {
    // A character in the last column leaves the cursor of some terminals on it, of others behind it.
    const width = Math.max(1, columns - 1);
    let out = '';
    for (const character of text) out += this.#put(character, width);
    return out;
  }

  #put(character: string, width: number): string {
    if (character === '\n') {
      this.#newLine();
      this.#opening = '';
      return character;
    }
    const isBlank = blank.test(character);
    if (!isBlank) this.#open(character);
    if (this.#inCode || this.#opening.startsWith(fence) || this.#opening.startsWith(row)) return character;
    return isBlank ? this.#putBlank(character, width) : this.#putLetter(character, width);
  }

  #putBlank(character: string, width: number): string {
    this.#endWord();
    // Tabs are as wide as they happen to be.
    const columns = character === '\t' ? 8 - (this.#column % 8) : 1;
    if (this.#column + columns > width) {
      this.#newLine();
      return '\n';
    }
    this.#column += columns;
    return character;
  }

  #putLetter(character: string, width: number): string {
    const columns = widthOf(character);
    // Scripts whose characters are wide are cut anywhere.
    if (columns === 2) this.#endWord();
    let before = '';
    if (this.#column + columns > width) {
      const movable = this.#wordWidth > 0 && this.#wordWidth < this.#column && this.#wordWidth + columns <= width;
      const [word, wordWidth] = movable ? [this.#word, this.#wordWidth] : ['', 0];
      before = movable ? `\x1b[${wordWidth}D\x1b[K\n${word}` : '\n';
      this.#newLine();
      this.#word = word;
      this.#column = wordWidth;
      this.#wordWidth = wordWidth;
    }
    this.#column += columns;
    if (columns === 2) this.#endWord();
    else {
      this.#word += character;
      this.#wordWidth += columns;
    }
    return before + character;
  }

  /** Notes how the line begins: a fence begins code, or ends it. */
  #open(character: string): void {
    if (this.#opening.length >= fence.length) return;
    this.#opening += character;
    if (this.#opening === fence) this.#inCode = !this.#inCode;
  }

  #newLine(): void {
    this.#column = 0;
    this.#endWord();
  }

  #endWord(): void {
    this.#word = '';
    this.#wordWidth = 0;
  }
}
