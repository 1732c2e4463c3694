import { writeSync } from 'node:fs';
import { pino } from 'pino';
import { attempt } from '../../base/attempt.ts';
import type { Log } from '../../base/log.ts';
import type { LogFormat, LogLevel } from '../options/log-level.ts';
import { logLine } from './log-line.ts';
import { escapeUnprintable } from './printable.ts';
import { linesFor } from './word-wrap.ts';

/** A log on stderr, or on another `fd`: a line for each entry of `level` and above, JSON or for people. */
export function logTo(level: LogLevel, fd: number = process.stderr.fd, format: LogFormat = 'json'): Log {
  const write = lineWriter(fd);
  // The log repeats text of clients and files, and may be read at a terminal.
  const lineOf = format === 'json' ? escapeUnprintable : textLine;
  const stream = { write: (line: string): void => write(lineOf(line)) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}

/** A line for people. */
const textLine = (json: string): string => `${linesFor(logLine(json), process.stderr).join('\n')}\n`;

/** Bytes of lines that wait where none can be written. Later ones are lost. */
const mostWaiting = 2 ** 16;

/**
 * Writes lines, and neither throws nor waits where a disk is full, or nobody reads a pipe. Pino's own destination throws,
 * which made every request fail, or sleeps until somebody reads.
 */
function lineWriter(fd: number): (line: string) => void {
  let waiting = Buffer.alloc(0);
  return (line) => {
    if (waiting.length < mostWaiting) waiting = Buffer.concat([waiting, Buffer.from(line)]);
    attempt(() => {
      while (waiting.length > 0) waiting = waiting.subarray(writeSync(fd, waiting));
    });
  };
}
