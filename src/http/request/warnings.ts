import type { MiddlewareHandler } from 'hono';
import type { Log } from '../../base/log.ts';

const warnings = new WeakMap<Request, string[]>();

/** Adds a warning to the response of a request: a part of the request changes nothing here. */
export function addWarning(request: Request, text: string): void {
  const texts = warnings.get(request) ?? [];
  warnings.set(request, [...texts, text]);
}

/** Bytes of a header with warnings: more could be too long for a client. */
const longest = 2048;

/** A header's text: quoted, in ASCII. */
const headerOf = (texts: readonly string[]): string => {
  const text = texts.join('; ').replace(/[^ -~]/g, '?');
  return `299 ssd-llm "${text.slice(0, longest).replace(/["\\]/g, "'")}"`;
};

/** Shows warnings to users, in the log and in a header: clients that know no such header ignore it. */
export const showWarnings =
  (log: Log): MiddlewareHandler =>
  async (c, next) => {
    await next();
    const texts = warnings.get(c.req.raw);
    if (!texts) return;
    log.warn({ path: c.req.path, warnings: texts }, 'parts of a request change nothing here');
    c.header('warning', headerOf(texts));
  };
