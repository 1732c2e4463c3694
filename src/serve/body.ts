import type { HonoRequest } from 'hono';
import type { z } from 'zod';
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

const most = 32 * 2 ** 20;
const tooLarge = (): Refusal => new Refusal(413, `the body is larger than ${most} bytes`, { code: 'body_too_large' });

/** Rejects with a Refusal as soon as it is clear that the body is larger than 32 MiB. */
async function textOf(request: Request): Promise<string> {
  const length = request.headers.get('content-length');
  if (length !== null) {
    if (Number(length) > most) throw tooLarge();
    return request.text();
  }
  // Not `for await`: leaving it would cut the connection before the client is told why.
  const reader = request.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader?.read(); next?.value; next = await reader?.read()) {
    size += next.value.length;
    if (size > most) throw tooLarge();
    chunks.push(next.value);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}

/** The JSON of a request's body as `schema` has it. Rejects with a Refusal, which names the field. */
export async function jsonBody<T>({ raw }: Pick<HonoRequest, 'raw'>, schema: z.ZodType<T>): Promise<T> {
  const text = await textOf(raw);
  if (text.trim() === '') throw new Refusal(400, 'missing request body', { code: 'missing_body' });
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
