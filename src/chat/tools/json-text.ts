import type { Reading, TextSource } from '../text-source.ts';

/** A text inside JSON quotes, without them. */
export const jsonEscaped = (text: string): string => JSON.stringify(text).slice(1, -1);

/** Control characters, which JSON strings may not have, but models write. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controls = /[\u0000-\u001f]/g;

/** The JSON text of `text`, if it is JSON, Python's True, False and None included. */
export function jsonLiteral(text: string): string | undefined {
  const trimmed = text.trim();
  const literal = { True: 'true', False: 'false', None: 'null' }[trimmed] ?? trimmed;
  try {
    JSON.parse(literal);
    return literal;
  } catch {
    return undefined;
  }
}

/**
 * Moves over a JSON value and hands its text over as it comes; only strings and brackets are looked at, and control
 * characters inside strings are escaped. False where the text ends before the value.
 */
export function* copyJson(source: TextSource, take: (text: string) => void): Reading<boolean> {
  const first = yield* source.peek();
  if (first === '"') return yield* copyString(source, take);
  if (first !== '{' && first !== '[') return yield* copyScalar(source, take);
  let depth = 0;
  for (;;) {
    const mark = yield* source.until(['"', '{', '}', '[', ']'], take);
    if (mark === undefined) return false;
    if (mark === '"') {
      if (!(yield* copyString(source, take))) return false;
      continue;
    }
    source.position += 1;
    take(mark);
    depth += mark === '{' || mark === '[' ? 1 : -1;
    if (depth === 0) return true;
  }
}

function* copyString(source: TextSource, take: (text: string) => void): Reading<boolean> {
  source.position += 1;
  take('"');
  for (;;) {
    const mark = yield* source.until(['"', '\\'], (text) => take(text.replace(controls, jsonEscaped)));
    if (mark === undefined) return false;
    source.position += 1;
    if (mark === '"') {
      take('"');
      return true;
    }
    // A backslash at the end of the text is left out: half an escape is nothing.
    const escaped = yield* source.next();
    if (escaped === '') return false;
    take(`\\${escaped}`);
  }
}

function* copyScalar(source: TextSource, take: (text: string) => void): Reading<boolean> {
  const text = yield* source.while(/[^\s,{}[\]"]/);
  take(text);
  return text !== '';
}

/** A JSON string, decoded; undefined where there is none, or its escapes are wrong. */
export function* readString(source: TextSource): Reading<string | undefined> {
  if ((yield* source.peek()) !== '"') return undefined;
  let text = '';
  const whole = yield* copyString(source, (part) => {
    text += part;
  });
  try {
    return whole ? (JSON.parse(text) as string) : undefined;
  } catch {
    return undefined;
  }
}
