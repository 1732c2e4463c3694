import { createInterface, type Interface } from 'node:readline';
import { Readable } from 'node:stream';

/** An event at the keyboard. */
export type LineEvent =
  /** A line; `pasted` if more of the same paste may follow. */
  | { readonly kind: 'line'; readonly text: string; readonly pasted: boolean }
  /** Ctrl-C, while something was `typed` or not. */
  | { readonly kind: 'interrupt'; readonly typed: boolean }
  | { readonly kind: 'end' };

/** The source of a conversation's lines. */
export interface ChatLines extends Disposable {
  /** True if a person types. */
  readonly interactive: boolean;
  /** Asks for the next line. */
  read(prompt: string): Promise<LineEvent>;
  /** Does `work`; its signal is aborted by Ctrl-C. */
  runWithInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** The text of a stream, with lines cut to one UTF-16 unit more than `most`. */
async function* shortened(input: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let room = most + 1;
  for await (const bytes of input) {
    const lines = decoder.decode(bytes, { stream: true }).split(/(?<=\n)/);
    for (const line of lines) {
      const ends = line.endsWith('\n');
      yield line.length <= room ? line : line.slice(0, room) + (ends ? '\n' : '');
      room = ends ? most + 1 : Math.max(0, room - line.length);
    }
  }
}

/** The lines of stdin where nobody types. */
export class PipedLines implements ChatLines {
  readonly interactive = false;
  readonly #signal: AbortSignal;
  readonly #input: Readable;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;

  /** Lines that end with `signal`, which is that of all work. The part of a line beyond `most` UTF-16 units is lost. */
  constructor(signal: AbortSignal, most: number, input: AsyncIterable<Uint8Array> = process.stdin) {
    this.#signal = signal;
    this.#input = Readable.from(shortened(input, most));
    this.#reader = createInterface({ input: this.#input, crlfDelay: Number.POSITIVE_INFINITY, signal });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async read(): Promise<LineEvent> {
    const { done, value } = await this.#lines.next();
    return done ? { kind: 'end' } : { kind: 'line', text: value, pasted: false };
  }

  runWithInterrupt<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return work(this.#signal);
  }

  [Symbol.dispose](): void {
    this.#reader.close();
    this.#input.destroy();
  }
}
