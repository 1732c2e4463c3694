import type { Reading } from '../text-source.ts';
import { copyBareJson } from './bare-json.ts';
import type { CallOutput } from './call-output.ts';
import { copyJson } from './json-text.ts';

/** Calls as a name with the arguments behind it: `[TOOL_CALLS]tide[ARGS]{}`. */
export interface NamedSyntax {
  readonly kind: 'named';
  /** Texts that end the name. */
  readonly nameEnds: readonly string[];
  /** Stands in front of the name, without being a part of it. */
  readonly prefix?: string;
  /** Text between name and id, and between id and arguments. */
  readonly id?: readonly [begin: string, end: string];
  /** True where the name is also the id, with a number behind it: `tide:0`. */
  readonly numbered?: boolean;
  /** Text that quotes strings in arguments whose keys have no quotes; undefined: arguments are JSON. */
  readonly quote?: string;
}

/** Units of a name beyond the longest one of a tool: namespace, number, white space. */
const mostAround = 64;
/** Fences of Markdown that models put around the arguments. */
const fences = ['```json', '```'];

/** Reads one call. False where the text is none. */
export function* namedCall(output: CallOutput, syntax: NamedSyntax): Reading<boolean> {
  const { source, tools } = output;
  const written = yield* source.textUntil(syntax.nameEnds, tools.longestName + mostAround);
  if (written === undefined) return false;
  const { name, id } = nameOf(written.trim(), syntax);
  if (!tools.has(name)) return false;
  let given = id;
  if (syntax.id && (yield* source.skip(syntax.id[0]))) {
    const [, end] = syntax.id;
    given = (yield* source.textUntil([end], mostAround)) ?? undefined;
    yield* source.skip(end);
  } else yield* source.skipAny(syntax.nameEnds.filter((end) => end !== '{'));
  yield* source.space();
  const fence = yield* source.skipAny(fences);
  if (fence !== undefined) yield* source.space();
  if (!(yield* source.at('{')) && (yield* source.peek()) !== '') return false;
  output.begin(name, given);
  const take = (text: string): void => output.argument(text);
  if (syntax.quote === undefined) yield* copyJson(source, take);
  else yield* copyBareJson(source, syntax.quote, take);
  if (fence !== undefined) {
    yield* source.space();
    yield* source.skip('```');
  }
  return true;
}

function nameOf(
  written: string,
  { prefix, numbered }: NamedSyntax,
): { readonly name: string; readonly id: string | undefined } {
  const name = prefix !== undefined && written.startsWith(prefix) ? written.slice(prefix.length) : written;
  return numbered === true ? { name: name.replace(/:\d+$/, ''), id: written } : { name, id: undefined };
}
