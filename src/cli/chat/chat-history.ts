import { join } from 'node:path';
import { attempt } from '../../base/attempt.ts';
import { readTextFile } from '../../base/regular-file.ts';
import { changeSharedFile } from '../../base/shared-file.ts';
import { cacheFolder } from '../environment.ts';

/** The most lines that are kept. */
const most = 1000;
/** Bytes of the largest file; a larger one is not ours. */
const mostBytes = 16 * 2 ** 20;
const fileName = 'chat-history';

/** The lines that were typed in this conversation and in earlier ones. Where they cannot be kept, that is harmless. */
export class ChatHistory {
  readonly #folder: string | undefined;
  #lines: readonly string[];

  constructor(folder: string | undefined = cacheFolder()) {
    this.#folder = folder;
    this.#lines = this.#read();
  }

  /** Lines, the latest first. */
  get lines(): readonly string[] {
    return this.#lines.toReversed();
  }

  /** Adds a line, unless it is empty or the same as the line before. */
  add(line: string): void {
    if (line.trim() === '' || line === this.#lines.at(-1)) return;
    this.#lines = [...this.#lines, line].slice(-most);
    // Other conversations may have added to the file meanwhile.
    const folder = this.#folder;
    if (folder === undefined) return;
    attempt(() =>
      changeSharedFile(folder, fileName, () => {
        const lines = [...this.#read(), line].slice(-most);
        return lines.map((line) => `${line}\n`).join('');
      }),
    );
  }

  #read(): readonly string[] {
    const folder = this.#folder;
    const text = folder === undefined ? '' : attempt(() => readTextFile(join(folder, fileName), mostBytes));
    return (text ?? '')
      .split('\n')
      .filter((line) => line !== '')
      .slice(-most);
  }
}
