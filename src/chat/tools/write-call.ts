import type { ToolCall } from '../message.ts';
import { argumentSyntaxOf, type CallFormat } from './call-format.ts';
import type { ElementSyntax } from './element-calls.ts';
import type { TaggedSyntax } from './tagged-calls.ts';

/** The texts before and behind the arguments of a call. */
export const frameOf = ({ written }: CallFormat, name: string): readonly [before: string, behind: string] => {
  const [before, behind] = written;
  return [before.replaceAll('NAME', () => name), behind];
};

/** Text behind each parameter of a call: parameters stand on lines of their own where the call begins with one. */
export const separatorOf = ([before]: CallFormat['written']): string => (before.endsWith('\n') ? '\n' : '');

/** A call as a model with this format writes it. Arguments that are no JSON object stay as they are. */
export function writeCall(format: CallFormat, { name, arguments: text }: Pick<ToolCall, 'name' | 'arguments'>): string {
  const [before, behind] = frameOf(format, name);
  return before + writtenArguments(format, text) + behind;
}

function writtenArguments(format: CallFormat, text: string): string {
  const values = objectOf(text);
  const syntax = argumentSyntaxOf(format);
  if (values === undefined) return text;
  switch (syntax.kind) {
    case 'json':
    case 'messages':
      return text;
    case 'named':
      return syntax.quote === undefined ? text : bareJson(values, syntax.quote);
    case 'tagged':
      return Object.entries(values)
        .map(
          ([key, value]) =>
            parameterHead(syntax, key, typeOf(value)) + tagged(syntax, value) + separatorOf(format.written),
        )
        .join('');
    case 'elements':
      return elements(values, syntax);
    case 'python':
      return Object.entries(values)
        .map(([key, value]) => `${key}=${python(value)}`)
        .join(', ');
    default:
      return syntax satisfies never;
  }
}

/** The value of a JSON object; undefined where the text is none. Nothing is an empty one. */
function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text.trim() === '' ? '{}' : text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

/** The text in front of a parameter's value, whose type is a JSON schema's. */
export function parameterHead({ parameter, lines }: TaggedSyntax, key: string, type: string): string {
  const { begin, nameEnd, headEnd, attribute } = parameter;
  const end = nameEnd === headEnd ? headEnd : nameEnd + (attribute?.(type) ?? '') + headEnd;
  return begin + key + end + (lines === true ? '\n' : '');
}

const tagged = ({ parameter, lines }: TaggedSyntax, value: unknown): string =>
  (typeof value === 'string' ? value : JSON.stringify(value)) + (lines === true ? '\n' : '') + parameter.end;

/** A value as elements; what is nothing has none. */
function elements(value: unknown, syntax: ElementSyntax): string {
  const { mark, item } = syntax;
  if (value === null) return '';
  if (typeof value !== 'object') return `${value}`;
  const named = Array.isArray(value) ? value.map((one: unknown) => [item, one] as const) : Object.entries(value);
  return named
    .filter(([, one]) => Array.isArray(value) || one !== null)
    .map(([name, one]) => `${mark}<${name}>${elements(one, syntax)}${mark}</${name}>`)
    .join('');
}

function python(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${python(one)}`);
  return `{${entries.join(', ')}}`;
}

function bareJson(value: unknown, quote: string): string {
  if (typeof value === 'string') return quote + value + quote;
  if (Array.isArray(value)) return `[${value.map((one) => bareJson(one, quote)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${key}:${bareJson(one, quote)}`)
    .join(',')}}`;
}
