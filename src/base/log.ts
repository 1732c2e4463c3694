/** The operator's log, to which routes report. Pino's loggers are such. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/**
 * Takes an event, named by the part of the program that it happened to, and the facts about it: numbers are bytes,
 * tokens, and seconds where their name ends in `_s`. Undefined where nobody wants to know: then facts are not even
 * gathered.
 */
export type Debug = (event: string, facts: object) => void;
