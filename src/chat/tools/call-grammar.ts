import { isObject } from '../../grammar/schema/keywords.ts';
import type { ArgumentNotation } from '../../grammar/schema/schema.ts';
import { choiceOf, type GrammarSource, sequenceOf, textSource, upTo } from '../../grammar/source.ts';
import type { Tool } from '../message.ts';
import { allowsText, argumentSchemas, requiredNames, type SchemaCount } from './argument-schemas.ts';
import { argumentSyntaxOf, type CallFormat, messageSyntaxOf } from './call-format.ts';
import type { ReadableCalls } from './call-reader.ts';
import { elementArguments, enforcedElements } from './element-grammar.ts';
import type { TaggedSyntax } from './tagged-calls.ts';
import { frameOf, parameterHead, separatorOf } from './write-call.ts';
import { writtenText } from './written-text.ts';

type CallRules = Pick<ReadableCalls, 'tools' | 'choice' | 'parallel'>;

/** The most calls of one answer where a grammar counts them. */
const mostCalls = 16;

/** A call of a tool, whose arguments are compiled once, wherever in an answer it may stand. */
interface ToolCall {
  readonly name: string;
  readonly argumentTexts: GrammarSource;
}

/**
 * The grammar of answers with calls: of the named tool, of any where a call is required; else any text, with names and
 * arguments that are right as soon as a call has begun. Undefined where there are no calls.
 */
export function callGrammar(
  format: CallFormat,
  { tools, choice: wanted, parallel }: CallRules,
): GrammarSource | undefined {
  if (tools.length === 0 || wanted === 'none') return undefined;
  const count = enforcedElements();
  const calls = tools.map((tool): ToolCall => ({ name: tool.name, argumentTexts: argumentsIn(format, tool, count) }));
  if (wanted === 'auto') return lazyGrammar(format, calls, parallel);
  return behindText(format, calls, { parallel: parallel && typeof wanted !== 'object', begun: '' });
}

/** Calls whose first part, `begun`, is there already. */
function behindText(
  format: CallFormat,
  calls: readonly ToolCall[],
  { parallel, begun }: { readonly parallel: boolean; readonly begun: string },
): GrammarSource {
  const firsts = calls.map(({ name, argumentTexts }) => {
    const [before] = frameOf(format, name);
    return sequenceOf(textSource(before.slice(before.indexOf(begun) + begun.length)), argumentTexts);
  });
  return sequenceOf(choiceOf(...firsts), restOf(format, calls, parallel));
}

/** The text behind the arguments of the first call: its end, and other calls if there may be several. */
function restOf(format: CallFormat, calls: readonly ToolCall[], parallel: boolean): GrammarSource {
  const [, behind] = format.written;
  const element = elementOf(format);
  const made = messageSyntaxOf(format);
  // A token that ends the message ends the answer.
  if (made && !made.calls) return textSource('');
  if (!parallel) return textSource(behind);
  if (element) {
    const { head, tail, between } = element;
    const others = calls.map(({ name, argumentTexts }) =>
      sequenceOf(textSource(head.replace('NAME', () => name)), argumentTexts, textSource(tail)),
    );
    const more = upTo(mostCalls - 1, sequenceOf(between, choiceOf(...others)));
    return sequenceOf(textSource(tail), more, textSource(behind.slice(tail.length)));
  }
  // A line that ends behind a call is no promise of another one.
  const line = made ? textSource(made.written.next.join('')) : upTo(1, textSource('\n'));
  const call = behindText(format, calls, { parallel: false, begun: '' });
  return sequenceOf(textSource(behind), upTo(mostCalls - 1, sequenceOf(line, call)), ...(made ? [] : [line]));
}

interface Element {
  /** Texts before and behind the arguments of a call. */
  readonly head: string;
  readonly tail: string;
  readonly between: GrammarSource;
}

/** A call in a list of calls; undefined where each stands by itself. */
function elementOf({ written: [before, behind], syntax }: CallFormat): Element | undefined {
  if (syntax.kind !== 'json' && syntax.kind !== 'python') return undefined;
  const [open, close] = [before.lastIndexOf('['), behind.indexOf(']')];
  if (open >= 0 && close >= 0) {
    const [head, tail] = [before.slice(open + 1).trimStart(), behind.slice(0, close).trimEnd()];
    return { head, tail, between: sequenceOf(textSource(','), upTo(8, choiceOf(textSource(' '), textSource('\n')))) };
  }
  return syntax.kind === 'python' ? { head: 'NAME(', tail: ')', between: textSource('\n') } : undefined;
}

/** The text by which a call begins wherever it stands; undefined where it has none, and stands at the begin of an answer. */
export function triggerOf(format: CallFormat): string | undefined {
  if (format.trigger !== undefined) return format.trigger;
  const [before] = frameOf(format, '');
  const mark = [...(format.around ?? []), ...format.begins].find((mark) => before.trimStart().startsWith(mark));
  return mark === undefined ? undefined : before.slice(0, before.indexOf(mark)) + mark;
}

function lazyGrammar(format: CallFormat, calls: readonly ToolCall[], parallel: boolean): GrammarSource {
  const trigger = triggerOf(format);
  if (trigger !== undefined) {
    // Behind the last call there is any text, other calls too.
    const list = parallel && elementOf(format) !== undefined;
    const after = behindText(format, calls, { parallel: list, begun: trigger });
    return { kind: 'triggered', triggers: [trigger], after, again: parallel };
  }
  const branches = calls.flatMap(({ name, argumentTexts }) =>
    [format.written[0], ...(format.alsoBefore ?? [])].flatMap((before) => {
      // The sign behind a name ends it.
      const [head = '', behind = ''] = before.split('NAME');
      const start = head + name + behind.charAt(0);
      const after = sequenceOf(textSource(behind.slice(1)), argumentTexts);
      return ['', ...format.begins].map((mark) => ({ start: mark + start, after }));
    }),
  );
  return { kind: 'begun', branches, rest: restOf(format, calls, parallel) };
}

/** The arguments of a call. */
function argumentsIn(format: CallFormat, tool: Tool, count: SchemaCount): GrammarSource {
  const syntax = argumentSyntaxOf(format);
  switch (syntax.kind) {
    case 'json':
    case 'messages':
      return argumentsOf(tool);
    case 'named': {
      const { quote } = syntax;
      return quote === undefined ? argumentsOf(tool) : notedArguments(schemaOf(tool), { quote });
    }
    case 'tagged':
      return sequenceOf(...parametersOf(syntax, tool, separatorOf(format.written)));
    case 'elements':
      return elementArguments(syntax, tool.parameters, count);
    case 'python':
      return notedArguments(
        { properties: argumentSchemas(tool.parameters), required: [...requiredNames(tool.parameters)] },
        'python',
      );
    default:
      return syntax satisfies never;
  }
}

/** Keywords that may speak of arguments beside those in `properties`. */
const opening = ['$ref', 'allOf', 'anyOf', 'oneOf', 'patternProperties', 'propertyNames', 'minProperties'];

/** The schema of a tool's arguments: always an object, with those only that it has, unless its own speaks of others. */
function schemaOf({ parameters = {} }: Tool): object {
  const isOpen = opening.some((keyword) => parameters[keyword] !== undefined);
  return { ...(!isOpen && { additionalProperties: false }), ...parameters, type: 'object', nullable: false };
}

const argumentsOf = (tool: Tool): GrammarSource => ({ kind: 'schema', schema: schemaOf(tool), relaxed: true });

const notedArguments = (schema: object, notation: ArgumentNotation): GrammarSource => ({
  kind: 'arguments',
  schema,
  notation,
  relaxed: true,
});

/** The parameters of a tool between their tags, in the order of its schema. */
function parametersOf(syntax: TaggedSyntax, { parameters = {} }: Tool, separator: string): readonly GrammarSource[] {
  const needed = requiredNames(parameters);
  return Object.entries(argumentSchemas(parameters)).map(([name, schema]) => {
    const whole = sequenceOf(parameterOf(syntax, name, schema), textSource(separator));
    return needed.has(name) ? whole : upTo(1, whole);
  });
}

function parameterOf(syntax: TaggedSyntax, name: string, schema: unknown): GrammarSource {
  const { end: tag } = syntax.parameter;
  const ends: readonly [string, ...string[]] = syntax.lines === true ? [`\n${tag}`, tag] : [tag];
  const { type } = Object(schema) as { type?: unknown };
  const isWord = allowsText(schema) === true;
  const head = textSource(
    parameterHead(
      syntax,
      name,
      isWord ? 'string' : type === 'integer' ? 'number' : typeof type === 'string' ? type : 'object',
    ),
  );
  if (isObject(schema) && isWord) return sequenceOf(head, writtenText(schema, ends));
  return sequenceOf(head, { kind: 'schema', schema, relaxed: true }, textSource(ends[0]));
}
