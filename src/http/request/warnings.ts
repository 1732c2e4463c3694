import type { MiddlewareHandler } from 'hono';
import type { Log } from '../../base/log.ts';

/** A warning, and whether the log has it already. */
interface Warning {
  readonly text: string;
  readonly logged: boolean;
}

const warnings = new WeakMap<Request, readonly Warning[]>();

/** Adds a warning to the response of a request: a part of the request changes nothing here, or is not seen. */
export function addWarning(
  request: Request,
  text: string,
  { logged = false }: { readonly logged?: boolean } = {},
): void {
  const given = warnings.get(request) ?? [];
  if (!given.some((one) => one.text === text)) warnings.set(request, [...given, { text, logged }]);
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
    const given = warnings.get(c.req.raw);
    if (!given) return;
    const texts = given.filter(({ logged }) => !logged).map(({ text }) => text);
    if (texts.length > 0) log.warn({ path: c.req.path, warnings: texts }, 'parts of a request change nothing here');
    c.header('warning', headerOf(given.map(({ text }) => text)));
  };
