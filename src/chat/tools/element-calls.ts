import type { Reading } from '../text-source.ts';
import { allowsText, emptyValue, itemSchema, memberSchema } from './argument-schemas.ts';
import type { CallOutput } from './call-output.ts';
import { jsonEscaped, jsonLiteral } from './json-text.ts';

/** Calls whose arguments are elements, with a value or with elements inside: `<from><city>Oslo</city></from>`. */
export interface ElementSyntax {
  readonly kind: 'elements';
  /** Text that ends the name of the tool. */
  readonly nameEnd: string;
  /** Text in front of each tag. */
  readonly mark: string;
  /** Name of the elements that a list has. */
  readonly item: string;
  /** Text that ends a call. */
  readonly end: string;
}

const mostAround = 64;
/** Units of a tag; more is text. */
const mostTag = 256;
/** Elements within each other; those within are text. */
const deepest = 64;

/** Reads one call. False where the text is none. */
export function* elementCall(output: CallOutput, syntax: ElementSyntax): Reading<boolean> {
  const { source, tools } = output;
  const name = (yield* source.textUntil([syntax.nameEnd], tools.longestName + mostAround))?.trim();
  if (name === undefined || !tools.has(name)) return false;
  yield* source.skip(syntax.nameEnd);
  output.begin(name);
  output.argument('{');
  if (!(yield* copyMembers(output, syntax, { schema: { properties: tools.properties(name) }, depth: 0 }))) return true;
  // A call that is cut off stays open, and is no JSON: half a call must not look like a whole one.
  if ((yield* source.skip(syntax.end)) || !(yield* isCutOff(output, syntax))) output.argument('}');
  return true;
}

/** Whether the text ends here, or within a tag. */
function* isCutOff({ source }: CallOutput, { mark }: ElementSyntax): Reading<boolean> {
  const open = `${mark}<`;
  if (source.endsWithin([open])) return true;
  const start = source.position;
  const cut = (yield* source.skip(open)) && (yield* source.textUntil(['>'], mostTag)) === undefined;
  source.position = start;
  return cut;
}

/** Moves over elements and hands them over as members of an object. False where the text ends before one of them does. */
function* copyMembers(output: CallOutput, syntax: ElementSyntax, { schema, depth }: Around): Reading<boolean> {
  for (let count = 0; ; count++) {
    yield* output.source.space();
    const tag = yield* openTag(output, syntax);
    if (tag === undefined) return true;
    output.argument(`${count > 0 ? ', ' : ''}${JSON.stringify(tag)}: `);
    if (!(yield* copyValue(output, syntax, { schema: memberSchema(schema, tag), tag, depth }))) return false;
  }
}

/** Moves over elements and hands them over as a list. False where the text ends before one of them does. */
function* copyItems(output: CallOutput, syntax: ElementSyntax, { schema, depth }: Around): Reading<boolean> {
  for (let count = 0; ; count++) {
    yield* output.source.space();
    if (!(yield* output.source.skip(`${syntax.mark}<${syntax.item}>`))) return true;
    if (count > 0) output.argument(', ');
    if (!(yield* copyValue(output, syntax, { schema: itemSchema(schema), tag: syntax.item, depth }))) return false;
  }
}

/** The name of the tag that begins here, which is moved over; undefined where none does. */
function* openTag({ source }: CallOutput, { mark }: ElementSyntax): Reading<string | undefined> {
  const start = source.position;
  const tag = (yield* source.skip(`${mark}<`)) ? yield* source.textUntil(['>'], mostTag) : undefined;
  if (tag === undefined || tag === '' || tag.startsWith('/')) {
    source.position = start;
    return undefined;
  }
  yield* source.skip('>');
  return tag;
}

interface Around {
  readonly schema: unknown;
  /** Elements around those that are read. */
  readonly depth: number;
}

interface Element extends Around {
  readonly tag: string;
}

/** Moves over an element's value and its end; text is handed over as it comes. False where the text ends before. */
function* copyValue(output: CallOutput, syntax: ElementSyntax, { schema, tag, depth }: Element): Reading<boolean> {
  const { source } = output;
  const close = `${syntax.mark}</${tag}>`;
  if (allowsText(schema) === true) {
    output.argument('"');
    const found = yield* source.until([close], (part) => output.argument(jsonEscaped(part)));
    if (found !== undefined) output.argument('"');
    return yield* source.skip(close);
  }
  const start = source.position;
  yield* source.space();
  const inner = source.position;
  const first = depth < deepest ? yield* openTag(output, syntax) : undefined;
  source.position = first === undefined ? start : inner;
  if (first === undefined) {
    let text = '';
    const found = yield* source.until([close], (part) => {
      text += part;
    });
    if (found === undefined) return false;
    const empty = text.trim() === '' ? emptyValue(schema) : undefined;
    output.argument(jsonLiteral(text) ?? empty ?? JSON.stringify(text));
    return yield* source.skip(close);
  }
  const isList = first === syntax.item && memberSchema(schema, first) === undefined;
  output.argument(isList ? '[' : '{');
  if (!(yield* (isList ? copyItems : copyMembers)(output, syntax, { schema, depth: depth + 1 }))) return false;
  yield* source.space();
  if (!(yield* source.skip(close)) && source.endsWithin([close])) return false;
  output.argument(isList ? ']' : '}');
  return true;
}
