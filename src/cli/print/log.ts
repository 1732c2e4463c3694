import { pino } from 'pino';
import type { Log } from '../../base/log.ts';
import type { LogLevel } from '../options/log-level.ts';
import { escapeUnprintable } from './printable.ts';

/** A log on stderr: a line of JSON for each entry of `level` and above. */
export function logTo(level: LogLevel): Log {
  const destination = pino.destination({ fd: process.stderr.fd, sync: true });
  // The log repeats text of clients and files, and may be read at a terminal.
  const stream = { write: (line: string): boolean => destination.write(escapeUnprintable(line)) };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, stream);
}
