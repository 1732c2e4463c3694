import type { HonoRequest } from 'hono';
import type * as z from 'zod';
import { collectGarbage } from '../../base/garbage.ts';
import { perhaps } from '../../base/nearest-word.ts';
import { expected, instead } from '../expected.ts';
import { Refusal } from '../refusal.ts';
import { decodeBody } from './encoding.ts';
import { structuredFields } from './grammar-fields.ts';
import { deepest, jsonSize } from './json-size.ts';
import { refusedFields } from './refused-fields.ts';
import type { Reservation } from './request-memory.ts';
import { reservationOf } from './reservations.ts';
import { addWarning } from './warnings.ts';

type Path = readonly PropertyKey[];

/** The name of a field: ['messages', 0, 'role'] -> "messages[0].role". */
const nameOf = (path: Path): string =>
  path.map((key, k) => (typeof key === 'number' ? `[${key}]` : `${k > 0 ? '.' : ''}${String(key)}`)).join('');

interface Problem {
  readonly path: Path;
  /** True if it is the name of the field that is wrong. */
  readonly name: boolean;
  readonly message: string;
  readonly code: string;
}

/** The problem with a value that fits none of several schemas: that of the schema which it resembles most. */
function problemOf(issue: z.core.$ZodIssue): Problem {
  const { path, message } = issue;
  const code = issue.code === 'custom' ? issue.params?.['code'] : undefined;
  const name = issue.code === 'invalid_key';
  const problem = { path, name, message, code: typeof code === 'string' ? code : 'invalid_value' };
  if (issue.code !== 'invalid_union') return problem;
  return issue.errors
    .flatMap(([first]) => (first ? [problemOf(first)] : []))
    .map((inner) => ({ ...inner, path: [...path, ...inner.path] }))
    .reduce((deepest, inner) => (inner.path.length > deepest.path.length ? inner : deepest), problem);
}

/** Bytes of the largest body, far more than the longest prompts take. */
const most = 8 * 2 ** 20;
const tooLarge = (): Refusal => new Refusal(413, `the body is larger than ${most} bytes`, { code: 'body_too_large' });

/** Bytes that V8 takes for a byte of a body, as it was sent, as text, or on its way to an engine. */
const perByte = 4;
/** The largest weight: a million tokens and some more. Each unit takes 16 bytes. */
const mostWeight = 2 ** 20 + 2 ** 10;
const perUnit = 16;

/**
 * The text of a body. Rejects with a Refusal as soon as it is clear that the body, or all that requests hold, is too
 * large, or when others need the room while it does not come.
 */
async function textOf(request: Request, reservation: Reservation): Promise<string> {
  if (Number(request.headers.get('content-length') ?? Number.NaN) > most) throw tooLarge();
  const { pieces, memory } = decodeBody(request);
  const lost = reservation.receive();
  // The loss may come when nobody waits for it.
  lost.catch(() => {});
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  reservation.add(memory);
  try {
    for (;;) {
      const { value } = await Promise.race([pieces.next(), lost]);
      if (!value) break;
      size += value.length;
      if (size > most) throw tooLarge();
      reservation.add(perByte * value.length);
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    reservation[Symbol.dispose]();
    text = '';
    if (size <= most) await sentOff(pieces, most - size);
    throw error;
  } finally {
    reservation.received();
    void pieces.return();
  }
  reservation.add(-memory);
  return text + decoder.decode();
}

/** Waits until a body has been sent, up to `most` bytes more: a client that still sends would not hear a refusal. */
async function sentOff(pieces: AsyncIterator<Uint8Array, unknown>, most: number): Promise<void> {
  for (let left = most; left >= 0; ) {
    const { done, value } = await pieces.next();
    if (done) return;
    left -= value.length;
  }
}

/** UTF-16 units of a text that is worth collecting garbage before it is parsed. */
const large = 2 ** 20;

/** Throws a Refusal for JSON that would take far more memory than its text. */
function checkSize(text: string, reservation: Reservation): void {
  const { depth, weight } = jsonSize(text, mostWeight);
  if (depth > deepest) {
    throw new Refusal(400, `the body is nested deeper than ${deepest} levels`, { code: 'invalid_json' });
  }
  if (weight > mostWeight) throw new Refusal(413, 'the body has too many values', { code: 'too_many_values' });
  reservation.add(perUnit * weight);
}

/** The reason in an error of `JSON.parse`, without the body's own text. */
const reasonOf = ({ message }: Error): string =>
  /^Unexpected end/.test(message) ? 'it ends too early' : (/at position \d+/.exec(message)?.[0] ?? 'it is malformed');

/** Fields that change no answer: notes for the provider. */
const harmless: readonly string[] = [
  'user',
  'store',
  'metadata',
  'service_tier',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
];

/** Reasons why a value of a field changes nothing here, if it asks for something: no answer would be another one. */
const unheeded: Readonly<Record<string, (value: unknown) => string | undefined>> = {
  cache_prompt: (value) => (value === false ? 'what is known of a prompt is used again all the same' : undefined),
  shift: (value) => (value === true ? 'an answer ends where the context is full' : undefined),
  id_slot: (value) => (value == null || value === -1 ? undefined : 'the place is where most of the prompt is known'),
};

/** True if a member changes nothing, and nobody would expect that it did; where wishes are refused, none comes so far. */
const isHarmless = (name: string, value: unknown): boolean =>
  harmless.includes(name) ||
  Object.hasOwn(unheeded, name) ||
  (Object.hasOwn(refusedFields, name) && (value === null || refusedFields[name]?.(value) === false));

const structuredField = 'structured_outputs';

/** Names of members of structured outputs that nobody knows. */
const unknownStructured = (outputs: unknown): readonly string[] =>
  Object.keys(Object(outputs))
    .filter((name) => !structuredFields.includes(name))
    .map((name) => `${structuredField}.${name}`);

/** Warns of members that change nothing here. Those that mean nothing may be misspelt. */
function warnOfUnused(raw: Request, body: Readonly<Record<string, unknown>>, fields: readonly string[]): void {
  for (const [name, reasonFor] of Object.entries(unheeded)) {
    const reason = reasonFor(body[name]);
    if (reason !== undefined) addWarning(raw, `${name}: ${reason}`);
  }
  const unknown = [
    ...Object.keys(body).filter((name) => !fields.includes(name) && !isHarmless(name, body[name])),
    ...unknownStructured(fields.includes(structuredField) ? body[structuredField] : undefined),
  ];
  if (unknown.length === 0) return;
  const names = unknown
    .slice(0, mostNamed)
    .map((name) => `${JSON.stringify(name.slice(0, mostNamed))}${perhaps(name, fields)}`);
  addWarning(raw, `unknown: ${names.join(', ')}${unknown.length > mostNamed ? ', …' : ''}`);
}

/** The most names in a warning, and characters of each. */
const mostNamed = 40;

/**
 * The JSON of a request's body, parsed by `schema`. Members other than `fields` become a warning; a strict schema refuses them
 * itself. Rejects with a Refusal, which names the field.
 */
export async function jsonBody<T>(
  { raw }: Pick<HonoRequest, 'raw'>,
  schema: z.ZodType<T>,
  fields: readonly string[] | 'strict',
): Promise<T> {
  const reservation = reservationOf(raw);
  const text = await textOf(raw, reservation);
  if (text.trim() === '') throw new Refusal(400, 'missing request body', { code: 'missing_body' });
  checkSize(text, reservation);
  // Garbage of earlier bodies must not add to the memory for this one: six with 420,000 fractions each took 277 MiB.
  if (text.length > large) collectGarbage();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, `the body is not JSON: ${reasonOf(error as Error)}`, { code: 'invalid_json' });
  }
  const { data, error } = schema.safeParse(body, { error: expected });
  if (!error) {
    if (fields !== 'strict') warnOfUnused(raw, Object(body), fields);
    return data;
  }
  const [first] = error.issues;
  if (!first) throw error;
  const { path, name, message, code } = problemOf(first);
  const param = nameOf(path) || null;
  const came = /^expected /.test(message) ? instead(name ? path.at(-1) : valueAt(body, path)) : '';
  throw new Refusal(400, `${param ? `${param}: ` : ''}${message}${came}`, { code, param });
}

const valueAt = (body: unknown, path: Path): unknown =>
  path.reduce((value, key) => (Object(value) as Readonly<Record<PropertyKey, unknown>>)[key], body);
