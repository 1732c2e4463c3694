/** A template that cannot be read or rendered; `line` counts from 1, if it is known. */
export class TemplateError extends Error {
  constructor(reason: string, line?: number) {
    super(line === undefined ? reason : `line ${line}: ${reason}`);
    this.name = 'TemplateError';
  }
}

/** The limits of a rendering. */
export type LimitName = 'steps' | 'output' | 'memory' | 'depth';

/** A rendering that was stopped at one of its limits. */
export class LimitError extends TemplateError {
  readonly limit: LimitName;

  constructor(limit: LimitName, reason: string) {
    super(reason);
    this.name = 'LimitError';
    this.limit = limit;
  }
}

/** An error for something that Jinja2 does and this engine does not. */
export const notSupported = (what: string): TemplateError => new TemplateError(`${what} is not supported`);
