import { closeSync, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { EngineError } from '../base/errors.ts';

/** Writes to stdout, and waits where the reader is slow. Resolves at once when nobody reads any more. */
export function write(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}

/** Writes a line to stderr. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Says what is worth knowing, though nothing is wrong. */
export const warn = (reason: Error): void => note(printable(reason.message));

/** A reader of stdout that has gone (`| head`) is no failure; a full disk is, and ends with one line. */
export function handleOutputErrors(): void {
  let told = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || told) return;
    told = true;
    note(`error: the answer could not be written (${error.code ?? error.message})`);
    process.exitCode = 1;
  });
}

/** Text from a file, safe to show: without the control characters that a terminal would obey. */
export const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\uFFFD');

/** Writes a file, in place of one that is there. Throws UNWRITABLE. */
export const writeFile = (file: string, text: string): void => writing(file, () => writeFileSync(file, text));

/** Throws UNWRITABLE now if a file could not be written later, and leaves everything as it is. */
export function checkWritable(file: string): void {
  const isNew = !existsSync(file);
  writing(file, () => closeSync(openSync(file, 'a')));
  if (isNew) rmSync(file);
}

function writing(file: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new EngineError('UNWRITABLE', { file, reason }, { cause });
  }
}
