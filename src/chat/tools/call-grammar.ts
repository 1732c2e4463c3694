import { EngineError } from '../../base/errors.ts';
import { type GrammarSource, grammarOf } from '../../grammar/source.ts';
import type { Tool } from '../message.ts';
import type { CallFormat } from './call-format.ts';
import type { ReadableCalls } from './call-reader.ts';
import type { TaggedSyntax } from './tagged-calls.ts';
import { allowsText } from './tagged-calls.ts';
import { frameOf, parameterHead, separatorOf } from './write-call.ts';

type CallRules = Pick<ReadableCalls, 'tools' | 'choice' | 'parallel'>;

/** The most calls of one answer where they must come. */
const mostForced = 16;

const text = (text: string): GrammarSource => ({ kind: 'text', text });
const sequence = (...items: readonly GrammarSource[]): GrammarSource => ({ kind: 'sequence', items });
const choice = (...items: readonly GrammarSource[]): GrammarSource => ({ kind: 'choice', items });
const optional = (item: GrammarSource): GrammarSource => ({ kind: 'repeat', item, min: 0, max: 1 });

/**
 * The grammar of answers with calls: of the named tool, of any where a call is required; else any text, with names and
 * arguments that are right as soon as a call has begun. Undefined where nothing but its text shows that a call begins.
 */
export function callGrammar(
  format: CallFormat,
  { tools, choice: wanted, parallel }: CallRules,
): GrammarSource | undefined {
  if (tools.length === 0 || wanted === 'none') return undefined;
  if (wanted === 'auto') return lazyGrammar(format, tools, parallel);
  const call = choice(...tools.map((tool) => wholeCall(format, tool, '')));
  const most = typeof wanted === 'object' || !parallel ? 1 : mostForced;
  if (most === 1) return call;
  // A line that ends behind a call is no promise of another one.
  const line = optional(text('\n'));
  const others: GrammarSource = { kind: 'repeat', item: sequence(line, call), min: 0, max: most - 1 };
  return sequence(call, others, line);
}

function lazyGrammar(format: CallFormat, tools: readonly Tool[], parallel: boolean): GrammarSource | undefined {
  const [before] = frameOf(format, '');
  const trigger = [...(format.around ?? []), ...format.begins].find((mark) => before.startsWith(mark));
  if (trigger === undefined) return undefined;
  const after = choice(...tools.map((tool) => wholeCall(format, tool, trigger)));
  return { kind: 'triggered', triggers: [trigger], after, again: parallel };
}

/** A call of a tool behind `begun`, the first part of it. */
function wholeCall(format: CallFormat, tool: Tool, begun: string): GrammarSource {
  const [before, behind] = frameOf(format, tool.name);
  const begin = text(before.slice(begun.length));
  const { syntax } = format;
  switch (syntax.kind) {
    case 'json':
      return sequence(begin, argumentsOf(tool), text(behind));
    case 'harmony':
      // The token that ends the call ends the answer.
      return sequence(begin, argumentsOf(tool));
    case 'named':
      return syntax.quote === undefined
        ? sequence(begin, argumentsOf(tool), text(behind))
        : sequence(begin, text('{'), { kind: 'until', ends: [`}${behind}`] });
    case 'tagged':
      return sequence(begin, ...parametersOf(syntax, tool, separatorOf(format.written)), text(behind));
    case 'python':
      return sequence(begin, { kind: 'until', ends: [behind] });
    default:
      return syntax satisfies never;
  }
}

/** The JSON values of a schema, or any if no grammar can enforce it: the model has read it all the same. */
function valuesOf(schema: unknown, any: GrammarSource): GrammarSource {
  const source: GrammarSource = { kind: 'schema', schema };
  try {
    grammarOf(source);
    return source;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'BAD_GRAMMAR') return any;
    throw error;
  }
}

/** The JSON of a tool's arguments; only those that it has, unless its schema speaks of others. */
const argumentsOf = ({ parameters }: Tool): GrammarSource =>
  valuesOf({ type: 'object', additionalProperties: false, ...parameters }, { kind: 'json' });

/** The parameters of a tool between their tags, in the order of its schema. */
function parametersOf(syntax: TaggedSyntax, { parameters = {} }: Tool, separator: string): readonly GrammarSource[] {
  const { properties, required } = parameters as { properties?: unknown; required?: unknown };
  const needed = new Set(Array.isArray(required) ? required : []);
  return Object.entries(Object(properties) as Record<string, unknown>).map(([name, schema]) => {
    const whole = sequence(parameterOf(syntax, name, schema), text(separator));
    return needed.has(name) ? whole : optional(whole);
  });
}

function parameterOf(syntax: TaggedSyntax, name: string, schema: unknown): GrammarSource {
  const end = (syntax.lines === true ? '\n' : '') + syntax.parameter.end;
  const { type, enum: values } = Object(schema) as { type?: unknown; enum?: unknown };
  const isWord = allowsText(schema) === true;
  const head = text(
    parameterHead(
      syntax,
      name,
      isWord ? 'string' : type === 'integer' ? 'number' : typeof type === 'string' ? type : 'object',
    ),
  );
  if (!isWord) return sequence(head, valuesOf(schema, { kind: 'schema', schema: true }), text(end));
  if (!Array.isArray(values)) return sequence(head, { kind: 'until', ends: [end] });
  return sequence(head, choice(...values.map((value) => text(`${value}`))), text(end));
}
