import { LongText } from '../../text/long-text.ts';
import { write, writeAnswer } from './output.ts';
import { WordWrap } from './word-wrap.ts';

/** Codes of terminals for dimmed text. */
const dim = { on: '\x1b[2m', off: '\x1b[22m' };

/** Prints an answer as it comes, to a terminal with the thoughts before it, dimmed. Nobody else is told of these. */
export class AnswerPrinter {
  readonly #text: LongText = new LongText();
  readonly #thinking: LongText = new LongText();
  readonly #silent: boolean;
  readonly #wrap: WordWrap = new WordWrap();
  #thinks = false;
  #last = '';

  /** A printer that only collects the answer if it is `silent`. */
  constructor({ silent = false }: { readonly silent?: boolean } = {}) {
    this.#silent = silent;
  }

  get text(): string {
    return `${this.#text}`;
  }

  get thinking(): string {
    return `${this.#thinking}`;
  }

  async push({
    text,
    thinking = '',
  }: {
    readonly text: string;
    readonly thinking?: string | undefined;
  }): Promise<void> {
    this.#text.push(text);
    this.#thinking.push(thinking);
    if (this.#silent) return;
    if (thinking !== '' && process.stdout.isTTY) {
      if (!this.#thinks && process.stdout.hasColors()) await write(dim.on);
      this.#thinks = true;
      await this.#write(thinking);
    }
    if (text === '') return;
    await this.#endThoughts('\n\n');
    await this.#write(text);
  }

  /** Ends the line. */
  async end(): Promise<void> {
    if (this.#silent) return;
    await this.#endThoughts('');
    if (this.#last !== '' && !this.#last.endsWith('\n')) await write('\n');
  }

  async #write(text: string): Promise<void> {
    this.#last = text;
    await writeAnswer(text, this.#wrap);
  }

  async #endThoughts(gap: string): Promise<void> {
    if (!this.#thinks) return;
    this.#thinks = false;
    if (process.stdout.hasColors()) await write(dim.off);
    if (gap !== '') await this.#write(gap);
  }
}
