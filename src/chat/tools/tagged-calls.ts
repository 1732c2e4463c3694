import type { Reading } from '../text-source.ts';
import { allowsText } from './argument-schemas.ts';
import type { CallOutput } from './call-output.ts';
import { jsonEscaped, jsonLiteral } from './json-text.ts';

/** Calls whose arguments stand between tags, each by itself: `<function=tide><parameter=city>Oslo</parameter></function>`. */
export interface TaggedSyntax {
  readonly kind: 'tagged';
  /** Texts of which the first ends the name; they are not moved over. */
  readonly nameEnds: readonly string[];
  /** Text that ends the head of a call; undefined: the name does. */
  readonly headEnd?: string;
  readonly parameter: {
    readonly begin: string;
    readonly nameEnd: string;
    /** Text that ends the head of a parameter. */
    readonly headEnd: string;
    /** Text between name and end of the head that tells the type of the value, as JSON schemas call it. */
    readonly attribute?: (type: string) => string;
    readonly end: string;
  };
  /** Text that ends a call. */
  readonly end: string;
  /** True where values stand on lines of their own. */
  readonly lines?: boolean;
}

const mostAround = 64;
/** Units of a parameter's name and attributes; more is text. */
const mostHead = 256;
const [dataBegin, dataEnd] = ['<![CDATA[', ']]>'];

/** Reads one call. False where the text is none. */
export function* taggedCall(output: CallOutput, syntax: TaggedSyntax): Reading<boolean> {
  const { source, tools } = output;
  const written = yield* source.textUntil(syntax.nameEnds, tools.longestName + mostAround);
  const name = written?.trim();
  if (name === undefined || !tools.has(name)) return false;
  if (syntax.headEnd !== undefined) {
    if ((yield* source.textUntil([syntax.headEnd], mostHead)) === undefined) return false;
    yield* source.skip(syntax.headEnd);
  }
  output.begin(name);
  output.argument('{');
  const properties = tools.properties(name);
  const { parameter } = syntax;
  for (let count = 0; ; count++) {
    yield* source.space();
    if (!(yield* source.skip(parameter.begin))) break;
    const key = yield* source.textUntil([parameter.nameEnd], mostHead);
    const head = key === undefined ? undefined : yield* source.textUntil([parameter.headEnd], mostHead);
    if (key === undefined || head === undefined) return true;
    yield* source.skip(parameter.headEnd);
    output.argument(`${count > 0 ? ', ' : ''}${JSON.stringify(key.trim())}: `);
    const text = attributeOf(head) ?? allowsText(properties[key.trim()]);
    if (!(yield* copyValue(output, syntax, text))) return true;
  }
  // A call that is cut off stays open, and is no JSON: half a call must not look like a whole one.
  if ((yield* source.skip(syntax.end)) || !source.endsWithin([parameter.begin, syntax.end])) output.argument('}');
  return true;
}

/** Whether the head of a parameter says that its value is text; undefined where it does not say. */
function attributeOf(head: string): boolean | undefined {
  const [, string, type] = /string="(true|false)"|type="(\w+)"/.exec(head) ?? [];
  return string === undefined ? (type === undefined ? undefined : type === 'string') : string === 'true';
}

/** Moves over a value and its end tag; text is handed over as it comes. False where the text ends before. */
function* copyValue(
  output: CallOutput,
  { parameter, lines }: TaggedSyntax,
  text: boolean | undefined,
): Reading<boolean> {
  const { source } = output;
  if (lines === true) yield* source.skip('\n');
  const data = yield* source.skip(dataBegin);
  const end = data ? dataEnd + parameter.end : parameter.end;
  const ends = lines === true ? [`\n${end}`, end] : [end];
  if (text !== true) {
    let value = '';
    const mark = yield* source.until(ends, (part) => {
      value += part;
    });
    if (mark === undefined) return false;
    output.argument(jsonLiteral(value) ?? JSON.stringify(value));
    source.position += mark.length;
    return true;
  }
  output.argument('"');
  const mark = yield* source.until(ends, (part) => output.argument(jsonEscaped(part)));
  if (mark === undefined) return false;
  output.argument('"');
  source.position += mark.length;
  return true;
}
