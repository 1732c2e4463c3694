/** What somebody wants with one or more lines. */
export type ChatInput =
  | { readonly kind: 'message'; readonly text: string }
  /** `argument` is undefined if there is none, and may be empty if it was written so. */
  | { readonly kind: 'command'; readonly name: string; readonly argument: string | undefined };

const fence = '"""';
/** A line that begins several: alone, or as the argument of a command. */
const opening = /^\s*(?:\/([^\s/]\S*)\s+)?"""(.*)$/s;

/** Lines that wait for more: between fences, or of a paste. */
type OpenInput =
  | { readonly kind: 'fenced'; readonly command: string | undefined; readonly lines: string[] }
  | { readonly kind: 'pasted'; readonly lines: string[] };

/** Puts lines together to messages and commands. What stands between fences or was pasted in lines is no command. */
export class InputParser {
  readonly #most: number;
  #begun: OpenInput | undefined;
  /** Of what has begun. */
  #units = 0;
  #interrupted = false;

  /** Of what is longer than `most` UTF-16 units, no more is kept than shows that it is. */
  constructor(most: number) {
    this.#most = most;
  }

  /** More lines belong to what has begun. */
  get open(): boolean {
    return this.#begun !== undefined;
  }

  /** Takes a line, `pasted` if more of the same paste may follow; gives what it completes, or undefined. */
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

  /** No more lines come: completes what has begun. */
  end(): ChatInput | undefined {
    const begun = this.#begun;
    this.#begun = undefined;
    if (!begun) return undefined;
    const text = begun.lines.join('\n');
    if (begun.kind === 'pasted') return text.trim().includes('\n') ? messageOf(trimLines(text)) : inputOf(text);
    const { command } = begun;
    return command === undefined ? messageOf(text) : { kind: 'command', name: command, argument: text };
  }

  /** Ctrl-C: drops what has begun. True if nothing had, nothing was `typed`, and it was the same the last time. */
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

/** What a line that is complete by itself wants. */
function inputOf(line: string): ChatInput | undefined {
  const text = line.trim();
  if (text.startsWith('//')) return messageOf(text.slice(1));
  const [, name, argument = ''] = /^\/(\S*)\s*(.*)$/s.exec(text) ?? [];
  if (name === undefined) return messageOf(text);
  return { kind: 'command', name, argument: argument === '' ? undefined : argument };
}

const messageOf = (text: string): ChatInput | undefined => (text.trim() === '' ? undefined : { kind: 'message', text });

/** Without empty lines before, and without anything after. */
const trimLines = (text: string): string => text.trimEnd().replace(/^(?:[^\S\n]*\n)+/, '');
