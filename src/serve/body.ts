import type { HonoRequest } from 'hono';
import type * as z from 'zod';
import { Refusal } from './refusal.ts';

type Path = readonly PropertyKey[];

/** ['messages', 0, 'role'] -> "messages[0].role" */
const nameOf = (path: Path): string =>
  path.map((key, k) => (typeof key === 'number' ? `[${key}]` : `${k > 0 ? '.' : ''}${String(key)}`)).join('');

interface Problem {
  readonly path: Path;
  readonly message: string;
  readonly code: string;
}

/** Of a value that is none of several things, what is wrong with the one that it resembles most. */
function problemOf(issue: z.core.$ZodIssue): Problem {
  const { path, message } = issue;
  const code = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  const problem = { path, message, code: typeof code === 'string' ? code : 'invalid_value' };
  if (issue.code !== 'invalid_union') return problem;
  return issue.errors
    .flatMap(([first]) => (first ? [problemOf(first)] : []))
    .map((inner) => ({ ...inner, path: [...path, ...inner.path] }))
    .reduce((deepest, inner) => (inner.path.length > deepest.path.length ? inner : deepest), problem);
}

/** Far more than the longest prompts take; what JSON makes of it is several times as large. */
const most = 8 * 2 ** 20;
const tooLarge = (): Refusal => new Refusal(413, `the body is larger than ${most} bytes`, { code: 'body_too_large' });

/** Of all bodies that are being received. */
const mostReceived = 4 * most;
/** What is received at once, and not worth counting. */
const small = 2 ** 16;
let received = 0;

/** Rejects with a Refusal as soon as it is clear that the body, or all bodies together, are too large. */
async function textOf(request: Request): Promise<string> {
  const length = Number(request.headers.get('content-length') ?? Number.NaN);
  if (length > most) throw tooLarge();
  if (length <= small) return request.text();
  // Not `for await`: leaving it would cut the connection before the client is told why.
  const reader = request.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
      size += next.value.length;
      received += next.value.length;
      if (size > most) throw tooLarge();
      if (received > mostReceived) {
        throw new Refusal(503, 'too many large requests at once; try again later', { code: 'server_busy' });
      }
      chunks.push(next.value);
    }
  } finally {
    received -= size;
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** No client nests deeper. `JSON.parse` takes memory for each level, 60 times as much as the text. */
const deepest = 256;
const [quote, backslash, ...brackets] = Buffer.from('"\\[{]}');

/** Is it nested deeper than that, if it is JSON? */
function isDeep(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (inString) {
      if (unit === backslash) i += 1;
      else if (unit === quote) inString = false;
    } else if (unit === quote) inString = true;
    else {
      const bracket = brackets.indexOf(unit);
      if (bracket >= 0) depth += bracket < 2 ? 1 : -1;
      if (depth > deepest) return true;
    }
  }
  return false;
}

/** The JSON of a request's body as `schema` has it. Rejects with a Refusal, which names the field. */
export async function jsonBody<T>({ raw }: Pick<HonoRequest, 'raw'>, schema: z.ZodType<T>): Promise<T> {
  const text = await textOf(raw);
  if (text.trim() === '') throw new Refusal(400, 'missing request body', { code: 'missing_body' });
  if (isDeep(text))
    throw new Refusal(400, `the body is nested deeper than ${deepest} levels`, { code: 'invalid_json' });
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${(error as Error).message}`, { code: 'invalid_json' });
  }
  const { data, error } = schema.safeParse(body);
  if (!error) return data;
  const [first] = error.issues;
  if (!first) throw error;
  const { path, message, code } = problemOf(first);
  const param = nameOf(path) || null;
  throw new Refusal(400, param ? `${param}: ${message}` : message, { code, param });
}
