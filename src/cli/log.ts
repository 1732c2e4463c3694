import { pino } from 'pino';
import type { Log } from '../serve/log.ts';
import type { LogLevel } from './log-level.ts';

/** A log on stderr: a line of JSON for each entry of `level` and above. */
export const logTo = (level: LogLevel): Log =>
  pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: process.stderr.fd, sync: true }),
  );
