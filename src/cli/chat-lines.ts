import { createInterface, type Interface } from 'node:readline';

/** What comes from whoever talks. */
export type LineEvent =
  /** `pasted` if more of the same paste may follow. */
  | { readonly kind: 'line'; readonly text: string; readonly pasted: boolean }
  /** Ctrl-C, while something was `typed` or not. */
  | { readonly kind: 'interrupt'; readonly typed: boolean }
  | { readonly kind: 'end' };

/** Where the lines of a conversation come from. */
export interface ChatLines extends Disposable {
  /** Somebody sits at it. */
  readonly interactive: boolean;
  /** Asks for the next line. */
  read(prompt: string): Promise<LineEvent>;
  /** Does `work`; its signal is aborted by Ctrl-C. */
  working<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** The lines of stdin where nobody types. */
export class PipedLines implements ChatLines {
  readonly interactive = false;
  readonly #signal: AbortSignal;
  readonly #reader: Interface;
  readonly #lines: AsyncIterator<string>;

  /** `signal` ends them, and is that of all work. */
  constructor(signal: AbortSignal, input: NodeJS.ReadableStream = process.stdin) {
    this.#signal = signal;
    this.#reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async read(): Promise<LineEvent> {
    const { done, value } = await this.#lines.next();
    return done ? { kind: 'end' } : { kind: 'line', text: value, pasted: false };
  }

  working<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return work(this.#signal);
  }

  [Symbol.dispose](): void {
    this.#reader.close();
  }
}
