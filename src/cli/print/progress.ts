import { type ProgressState, progressLine } from './progress-line.ts';

const interval = 100; // ms between two updates
/** Columns of a terminal that does not tell how many it has. */
const usualColumns = 80;

/** One line on stderr that is written over and over, on a terminal only. */
export class Progress implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #title: string;
  readonly #began: number = performance.now();
  #shown = 0;
  #over = false;

  constructor(title: string, stream: NodeJS.WriteStream = process.stderr) {
    this.#title = title;
    this.#stream = stream;
  }

  update(state: ProgressState): void {
    this.#write((seconds) => progressLine(this.#title, state, seconds));
  }

  /** Shows progress that is not counted in bytes. */
  show(text: string): void {
    this.#write(() => `${this.#title}  ${text}`);
  }

  #write(line: (seconds: number) => string): void {
    const now = performance.now();
    if (this.#over || !this.#stream.isTTY || now - this.#shown < interval) return;
    this.#shown = now;
    const text = line((now - this.#began) / 1000);
    this.#stream.write(`\r\x1b[K${text.slice(0, (this.#stream.columns || usualColumns) - 1)}`);
  }

  /** Clears the line until the next update. */
  clear(): void {
    if (this.#shown > 0) this.#stream.write('\r\x1b[K');
    this.#shown = 0;
  }

  /** Clears the line for good: reads that were under way when a command was interrupted still report. */
  [Symbol.dispose](): void {
    this.clear();
    this.#over = true;
  }
}
