import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheFolder } from './environment.ts';

/** Lines that are kept. */
const most = 1000;

/** The lines that were typed in this conversation and in earlier ones. Where they cannot be kept, that is harmless. */
export class ChatHistory {
  readonly #file: string | undefined;
  #lines: readonly string[];

  constructor(folder: string | undefined = cacheFolder()) {
    this.#file = folder === undefined ? undefined : join(folder, 'chat-history');
    this.#lines = this.#read();
  }

  /** The latest first. */
  get lines(): readonly string[] {
    return this.#lines.toReversed();
  }

  /** An empty line is not kept, nor one that is the same as the line before. */
  add(line: string): void {
    if (line.trim() === '' || line === this.#lines.at(-1)) return;
    this.#lines = [...this.#lines, line].slice(-most);
    // Other conversations may have added to the file meanwhile.
    this.#write([...this.#read(), line].slice(-most));
  }

  #read(): readonly string[] {
    try {
      return readFileSync(this.#file ?? '', 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .slice(-most);
    } catch {
      return [];
    }
  }

  #write(lines: readonly string[]): void {
    if (this.#file === undefined) return;
    const written = `${this.#file}.${process.pid}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true });
      writeFileSync(written, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
      renameSync(written, this.#file);
    } catch {}
  }
}
