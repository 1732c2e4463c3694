import type { ElementSyntax } from './element-calls.ts';
import { harmonyTexts } from './harmony.ts';
import type { JsonSyntax } from './json-calls.ts';
import type { NamedSyntax } from './named-calls.ts';
import type { PythonSyntax } from './python-calls.ts';
import type { TaggedSyntax } from './tagged-calls.ts';

/** The way in which a family of models writes calls of tools. */
export interface CallFormat {
  /** Name of a model that writes so. */
  readonly name: string;
  /** Whether a chat template is of such a model. */
  readonly recognizes: (template: string) => boolean;
  /** Texts before and behind the arguments of a call of NAME. */
  readonly written: readonly [before: string, behind: string];
  /** Other texts that models write before the arguments. */
  readonly alsoBefore?: readonly string[];
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
  /** True where thoughts and calls have one form, which a reader of calls takes apart. */
  readonly readsThoughts?: boolean;
  /** True where a call, or a text that structures the answer, ends thoughts that are still open. */
  readonly endsThoughts?: boolean;
  readonly syntax:
    | JsonSyntax
    | NamedSyntax
    | TaggedSyntax
    | ElementSyntax
    | PythonSyntax
    | { readonly kind: 'harmony' };
}

/** Texts of a format: names of control tokens in them are a part of its calls. */
export const textsOf = ({ begins, around = [], drops = [], written, syntax }: CallFormat): readonly string[] => [
  ...begins,
  ...around,
  ...drops,
  ...written,
  ...(syntax.kind === 'named' ? [...syntax.nameEnds, ...(syntax.id ?? []), syntax.quote ?? ''] : []),
  ...(syntax.kind === 'tagged' ? [syntax.parameter.begin, syntax.parameter.headEnd, syntax.parameter.end] : []),
  ...(syntax.kind === 'elements' ? [syntax.mark, syntax.end] : []),
  ...(syntax.kind === 'harmony' ? harmonyTexts : []),
];

/** Whether answers have a form to take apart also where no tools are called. */
export const structures = ({ readsThoughts, drops, contentName }: CallFormat): boolean =>
  readsThoughts === true || drops !== undefined || contentName !== undefined;

/** A test for templates that have all of `texts`. */
export const has =
  (...texts: readonly string[]) =>
  (template: string): boolean =>
    texts.every((text) => template.includes(text));
