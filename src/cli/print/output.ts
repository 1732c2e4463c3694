import { closeSync, constants, existsSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { EngineError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { escapeUnprintable, printable, showable } from './printable.ts';
import { linesFor, type WordWrap } from './word-wrap.ts';

/** Writes to stdout, and waits where the reader is slow. Resolves at once when nobody reads any more. */
export function write(text: string): Promise<void> {
  return new Promise((resolve) => {
    process.stdout.write(text, () => resolve());
  });
}

/**
 * Writes a piece of an answer to stdout: as it is, but to a terminal without characters that it would obey, and wrapped
 * between words.
 */
export function writeAnswer(text: string, wrap: WordWrap): Promise<void> {
  const { isTTY, columns } = process.stdout;
  if (!isTTY) return write(text);
  return write(columns > 0 ? wrap.push(showable(text), columns) : showable(text));
}

/** Writes a value to stdout as JSON, indented unless it is `short`. */
export const writeJson = (value: unknown, { short = false }: { readonly short?: boolean } = {}): Promise<void> =>
  write(`${escapeUnprintable(JSON.stringify(value, undefined, short ? undefined : 2))}\n`);

/** The log that takes what would be text on stderr, where a program reads that. */
let logged: Log | undefined;

/** Makes notes, warnings and the error that ends the command entries of `log`: its lines, and no others, are on stderr. */
export function logNotes(log: Log | undefined): void {
  logged = log;
}

/** Writes a line, or several, to stderr; to a terminal wrapped between words. */
export function note(text: string): void {
  if (logged) {
    logged.info({}, text.trim());
    return;
  }
  const lines = showable(text).split('\n');
  process.stderr.write(`${lines.flatMap((line) => linesFor(line, process.stderr)).join('\n')}\n`);
}

/** Reports a thing worth knowing, though nothing is wrong. */
export const warn = (reason: Error): void =>
  logged ? logged.warn({}, reason.message) : note(printable(reason.message));

/** The line about an error. */
export const errorLine = ({ message, code }: EngineError): string => `error: ${printable(message)} [${code}]`;

/** Reports the error that ends the command. */
export const fail = (line: string): void => (logged ? logged.error({}, line.replace(/^error: /, '')) : note(line));

/**
 * Handles errors of stdout: a reader that has gone (`| head`) is no failure; a full disk is, and ends with one line. Notes
 * that stderr does not take are lost.
 */
export function handleOutputErrors(): void {
  let told = false;
  process.stderr.on('error', () => {});
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || told) return;
    told = true;
    note(`error: the answer could not be written (${error.code ?? error.message})`);
    process.exitCode = 1;
  });
}

/** Writes a file, in place of one that is there. Throws UNWRITABLE. */
export const writeFile = (file: string, text: string): void => writing(file, () => writeFileSync(file, text));

/** Flags for appending that do not wait for a pipe's reader, as far as the system has such a flag. */
const appending = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | (constants.O_NONBLOCK ?? 0);

/** Throws UNWRITABLE now if a file could not be written later, and leaves everything as it is. */
export function checkWritable(file: string): void {
  const isNew = !existsSync(file);
  writing(file, () => closeSync(openSync(file, appending, 0o666)));
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
