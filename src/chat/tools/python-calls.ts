import type { Reading, TextSource } from '../text-source.ts';
import type { CallOutput } from './call-output.ts';
import { jsonEscaped, jsonLiteral } from './json-text.ts';

/** Calls as Python writes them, alone or in a list: `[tide(city="Oslo")]`. */
export interface PythonSyntax {
  readonly kind: 'python';
}

/** Reads one call, or a list of them. False where the text is no call, or no further one of a list. */
export function* pythonCalls(output: CallOutput): Reading<boolean> {
  const { source } = output;
  const list = yield* source.skip('[');
  for (let calls = 0; ; calls++) {
    yield* source.space();
    const start = source.position;
    if (!(yield* pythonCall(output))) {
      if (list && calls > 0 && (yield* source.skip(']'))) return true;
      source.position = start;
      return calls > 0;
    }
    const before = source.position;
    yield* source.space();
    if (yield* source.skip(',')) continue;
    if (list) yield* source.skip(']');
    else source.position = before;
    return true;
  }
}

function* pythonCall(output: CallOutput): Reading<boolean> {
  const { source, tools } = output;
  // A name may have signs that Python's names do not have.
  const head = yield* source.skipAny(tools.names.map((name) => `${name}(`));
  if (head === undefined) return false;
  const name = head.slice(0, -1);
  output.begin(name);
  output.argument('{');
  const names = Object.keys(tools.properties(name));
  for (let count = 0; ; count++) {
    yield* source.space();
    if (yield* source.skip(')')) break;
    if ((yield* source.peek()) === '') return true;
    const key = (yield* keyword(source, names)) ?? names[count] ?? `argument${count + 1}`;
    output.argument(`${count > 0 ? ', ' : ''}${JSON.stringify(key)}: `);
    if (!(yield* copyValue(source, (text) => output.argument(text)))) return true;
    yield* source.space();
    yield* source.skip(',');
  }
  output.argument('}');
  return true;
}

/** The name of a keyword argument, one of `names` or any word; undefined where the argument has none. */
function* keyword(source: TextSource, names: readonly string[]): Reading<string | undefined> {
  const start = source.position;
  for (const name of [...names, undefined]) {
    const key = name === undefined ? yield* source.while(/\w/) : (yield* source.skip(name)) ? name : '';
    yield* source.space();
    if (key !== '' && (yield* source.skip('=')) && !(yield* source.at('='))) {
      yield* source.space();
      return key;
    }
    source.position = start;
  }
  return undefined;
}

/** Moves over a value of Python and hands it over as JSON; an expression becomes a text. False where the text ends before. */
function* copyValue(source: TextSource, take: (text: string) => void): Reading<boolean> {
  const next = yield* source.peek();
  if (next === '"' || next === "'") return yield* copyString(source, take);
  if (next === '[' || next === '(') return yield* copyList(source, next === '[' ? ']' : ')', take);
  if (next === '{') return yield* copyDict(source, take);
  return yield* copyExpression(source, take);
}

/** A number, a constant, or an expression up to the comma or bracket that ends it. */
function* copyExpression(source: TextSource, take: (text: string) => void): Reading<boolean> {
  let text = '';
  for (let depth = 0; ; ) {
    const mark = yield* source.until(['(', '[', '{', ')', ']', '}', ',', ':'], (part) => {
      text += part;
    });
    if (mark === undefined) {
      if (jsonLiteral(text) !== undefined) take(text.trim());
      return false;
    }
    if (depth === 0 && mark === ',') break;
    // A bracket in the place of a value is taken as one: each turn of the callers' loops moves on.
    if (depth === 0 && text !== '' && ')]}:'.includes(mark)) break;
    depth = Math.max(0, depth + ('([{'.includes(mark) ? 1 : ')]}'.includes(mark) ? -1 : 0));
    text += mark;
    source.position += 1;
  }
  take(jsonLiteral(text) ?? JSON.stringify(text.trim()));
  return true;
}

/** Escapes of a Python string whose meaning differs from the letter. */
const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
  '0': '\0',
};

function* copyString(source: TextSource, take: (text: string) => void): Reading<boolean> {
  const quote = yield* source.peek();
  const long = quote.repeat(3);
  const end = (yield* source.skip(long)) ? long : quote;
  if (end === quote) yield* source.skip(quote);
  take('"');
  for (;;) {
    const mark = yield* source.until([end, '\\'], (text) => take(jsonEscaped(text)));
    if (mark === undefined) return false;
    source.position += mark.length;
    if (mark === end) break;
    const letter = yield* source.next();
    if (letter === 'x' || letter === 'u') yield* copyCode(source, letter === 'x' ? 2 : 4, take);
    else if (letter !== '\n') take(jsonEscaped(escapes[letter] ?? letter));
  }
  take('"');
  return true;
}

/** A character by its number in hexadecimal digits. */
function* copyCode(source: TextSource, digits: number, take: (text: string) => void): Reading<void> {
  let code = '';
  while (code.length < digits && /[\da-f]/i.test(yield* source.peek())) code += yield* source.next();
  take(`\\u${code.padStart(4, '0')}`);
}

function* copyList(source: TextSource, end: string, take: (text: string) => void): Reading<boolean> {
  source.position += 1;
  take('[');
  for (let elements = 0; ; elements++) {
    yield* source.space();
    if (yield* source.skip(end)) break;
    if ((yield* source.peek()) === '') return false;
    if (elements > 0) take(', ');
    if (!(yield* copyValue(source, take))) return false;
    yield* source.space();
    yield* source.skip(',');
  }
  take(']');
  return true;
}

function* copyDict(source: TextSource, take: (text: string) => void): Reading<boolean> {
  source.position += 1;
  take('{');
  for (let entries = 0; ; entries++) {
    yield* source.space();
    if (yield* source.skip('}')) break;
    if ((yield* source.peek()) === '') return false;
    let key = '';
    const whole = yield* copyValue(source, (text) => {
      key += text;
    });
    if (!whole) return false;
    take(`${entries > 0 ? ', ' : ''}${key.startsWith('"') ? key : JSON.stringify(key)}: `);
    yield* source.space();
    yield* source.skip(':');
    yield* source.space();
    if (!(yield* copyValue(source, take))) return false;
    yield* source.space();
    yield* source.skip(',');
  }
  take('}');
  return true;
}
