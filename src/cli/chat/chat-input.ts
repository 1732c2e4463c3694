/** A message or a command, in one or more lines. */
export type ChatInput =
  | { readonly kind: 'message'; readonly text: string }
  /** A command; `argument` is undefined if there is none, and may be empty if it was written so. */
  | { readonly kind: 'command'; readonly name: string; readonly argument: string | undefined };

const fence = '"""';
/** A line that begins several: alone, or as the argument of a command. */
const opening = /^\s*(?:\/([^\s/]\S*)\s+)?"""(.*)$/s;

/** Lines that wait for more: between fences, or of a paste. */
type OpenInput =
  | { readonly kind: 'fenced'; readonly command: string | undefined; readonly lines: string[] }
  | { readonly kind: 'pasted'; readonly lines: string[] };

/** Joins lines to messages and commands. Text between fences, or pasted in several lines, is no command. */
export class InputParser {
  readonly #most: number;
  #begun: OpenInput | undefined;
  /** UTF-16 units of the open input. */
  #units = 0;
  #interrupted = false;

  /** A parser that keeps at most `most` UTF-16 units of an input, and one more to show that it is longer. */
  constructor(most: number) {
    this.#most = most;
  }

  /** True if more lines belong to the open input. */
  get open(): boolean {
    return this.#begun !== undefined;
  }

  /** Takes a line, `pasted` if more of the same paste may follow; returns the input that it completes, or undefined. */
  push(line: string, pasted: boolean = false): ChatInput | undefined {
    this.#interrupted = false;
    if (this.#begun?.kind === 'fenced') return this.#pushFenced(this.#begun, line);
    if (this.#begun) {
      this.#keep(this.#begun, line);
      return pasted ? undefined : this.end();
    }
    const [, command, rest] = opening.exec(line) ?? [];
    if (rest !== undefined) {
      this.#begun = { kind: 'fenced', command, lines: [] };
      this.#units = 0;
      return this.#pushFenced(this.#begun, rest, true);
    }
    if (!pasted) return inputOf(line);
    this.#begun = { kind: 'pasted', lines: [line] };
    this.#units = line.length;
    return undefined;
  }

  /** Completes the open input: no more lines come. */
  end(): ChatInput | undefined {
    const begun = this.#begun;
    this.#begun = undefined;
    if (!begun) return undefined;
    const text = begun.lines.join('\n');
    if (begun.kind === 'pasted') return text.trim().includes('\n') ? messageOf(trimLines(text)) : inputOf(text);
    const { command } = begun;
    return command === undefined ? messageOf(text) : { kind: 'command', name: command, argument: text };
  }

  /** Drops the open input on Ctrl-C. True if there was none, nothing was `typed`, and it was the same the last time. */
  interrupt(typed: boolean): boolean {
    const idle = !typed && !this.open;
    const again = idle && this.#interrupted;
    this.#interrupted = idle;
    this.#begun = undefined;
    return again;
  }

  #keep(begun: OpenInput, line: string): void {
    const room = this.#most + 1 - this.#units;
    if (room > 0) begun.lines.push(line.slice(0, room));
    this.#units += line.length + 1;
  }

  #pushFenced(begun: OpenInput, text: string, first: boolean = false): ChatInput | undefined {
    const closed = text.trimEnd().endsWith(fence);
    const content = closed ? text.trimEnd().slice(0, -fence.length) : text;
    // A fence may stand in a line of its own, which is not part of the text.
    const onlyFence = (first || closed) && content.trim() === '';
    if (!onlyFence) this.#keep(begun, content);
    return closed ? this.end() : undefined;
  }
}

/** The input in a line that is complete by itself. */
function inputOf(line: string): ChatInput | undefined {
  const text = line.trim();
  if (text.startsWith('//')) return messageOf(text.slice(1));
  const [, name, argument = ''] = /^\/(\S*)\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) return messageOf(text);
  return { kind: 'command', name, argument: argument === '' ? undefined : argument };
}

const messageOf = (text: string): ChatInput | undefined => (text.trim() === '' ? undefined : { kind: 'message', text });

/** A text without empty lines at its begin, and without space at its end. */
const trimLines = (text: string): string => text.trimEnd().replace(/^(?:[^\S\n]*\n)+/, '');
