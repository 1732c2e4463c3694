import type { ElementSyntax } from './element-calls.ts';
import type { JsonSyntax } from './json-calls.ts';
import { type MessageSyntax, messageTexts } from './message-calls.ts';
import type { NamedSyntax } from './named-calls.ts';
import type { PythonSyntax } from './python-calls.ts';
import type { TaggedSyntax } from './tagged-calls.ts';

/** The way in which a family of models writes calls of tools. */
export interface CallFormat {
  /** Name of a model that writes so. */
  readonly name: string;
  /** Whether a chat template is of such a model. */
  readonly recognizes: (template: string) => boolean;
  /** Texts before and behind the arguments of a call of NAME, which may stand there more than once. */
  readonly written: readonly [before: string, behind: string];
  /** Other texts that models write before the arguments. */
  readonly alsoBefore?: readonly string[];
  /** Text from which on the grammar of a call holds, where that is not the first of it. */
  readonly trigger?: string;
  /** Texts of which one begins a call. */
  readonly begins: readonly string[];
  /** Texts around calls, dropped beside them. */
  readonly around?: readonly string[];
  /** Texts that structure the answer, dropped wherever they stand. */
  readonly drops?: readonly string[];
  /** True where an answer may begin with a call at once. */
  readonly bare?: boolean;
  /** Text that says instead of a tool's name that content follows. */
  readonly contentName?: string;
  /** True where a call, or a text that structures the answer, ends thoughts that are still open. */
  readonly endsThoughts?: boolean;
  readonly syntax: JsonSyntax | NamedSyntax | TaggedSyntax | ElementSyntax | PythonSyntax | MessageSyntax;
}

/** Texts of a format: names of control tokens in them are a part of its calls. */
export const textsOf = ({ begins, around = [], drops = [], written, syntax }: CallFormat): readonly string[] => [
  ...begins,
  ...around,
  ...drops,
  ...written,
  ...(syntax.kind === 'named' ? [...syntax.nameEnds, ...(syntax.id ?? []), syntax.quote ?? ''] : []),
  ...parameterTexts(syntax),
  ...(syntax.kind === 'elements' ? [syntax.mark, syntax.end] : []),
  ...(syntax.kind === 'messages' ? messageTexts(syntax) : []),
];

const parameterTexts = (syntax: CallFormat['syntax']): readonly string[] =>
  syntax.kind === 'tagged' ? [syntax.parameter.begin, syntax.parameter.headEnd, syntax.parameter.end] : [];

/** The form of answers that are messages, whose reader takes thoughts apart too; undefined for others. */
export const messageSyntaxOf = (format: CallFormat | undefined): MessageSyntax | undefined =>
  format?.syntax.kind === 'messages' ? format.syntax : undefined;

/** The form of the arguments of a call. */
export const argumentSyntaxOf = ({ syntax }: CallFormat): CallFormat['syntax'] =>
  syntax.kind === 'messages' && syntax.calls ? syntax.calls.syntax : syntax;

/** Whether answers have a form to take apart also where no tools are called. */
export const structures = ({ syntax, drops, contentName }: CallFormat): boolean =>
  syntax.kind === 'messages' || drops !== undefined || contentName !== undefined;

/** A test for templates that have all of `texts`. */
export const has =
  (...texts: readonly string[]) =>
  (template: string): boolean =>
    texts.every((text) => template.includes(text));
