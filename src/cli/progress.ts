import { formatBytes } from '../base/bytes.ts';

/** What is counted: bytes that are loaded, or tokens that are processed. */
export type Unit = 'bytes' | 'tokens';

const interval = 100; // ms between two updates

/** "loading  1.2 GiB of 3.4 GiB  2.1 GiB/s  1s left" */
export function progressLine(
  title: string,
  unit: Unit,
  state: { done: number; total: number; seconds: number },
): string {
  const { done, total, seconds } = state;
  const rate = seconds > 0 ? done / seconds : 0;
  const show = (n: number): string => (unit === 'bytes' ? formatBytes(n) : `${Math.round(n)}`);
  const speed = unit === 'bytes' ? `${formatBytes(rate)}/s` : `${rate.toFixed(rate < 10 ? 1 : 0)} tokens/s`;
  const left = rate > 0 ? `${Math.ceil((total - done) / rate)}s left` : '';
  const counted = `${show(done)} of ${show(total)}${unit === 'tokens' ? ' tokens' : ''}`;
  return [title, counted, speed, left].filter(Boolean).join('  ');
}

/** One line on stderr that is written over and over, on a terminal only. */
export class Progress implements Disposable {
  readonly #stream: NodeJS.WriteStream;
  readonly #title: string;
  readonly #unit: Unit;
  readonly #began: number = performance.now();
  #shown = 0;

  constructor(title: string, unit: Unit, stream: NodeJS.WriteStream = process.stderr) {
    this.#title = title;
    this.#unit = unit;
    this.#stream = stream;
  }

  update(done: number, total: number): void {
    const now = performance.now();
    if (!this.#stream.isTTY || now - this.#shown < interval) return;
    this.#shown = now;
    const line = progressLine(this.#title, this.#unit, { done, total, seconds: (now - this.#began) / 1000 });
    this.#stream.write(`\r\x1b[K${line.slice(0, this.#stream.columns - 1)}`);
  }

  /** Clears the line. */
  [Symbol.dispose](): void {
    if (this.#shown > 0) this.#stream.write('\r\x1b[K');
  }
}
