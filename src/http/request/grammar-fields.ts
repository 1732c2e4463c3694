import * as z from 'zod';
import type { GrammarSource } from '../../grammar/source.ts';
import { given } from './given.ts';
import { listOf } from './lists.ts';

/** The most texts to choose from. */
const mostChoices = 4096;

/** Fields that say which texts an answer may be: OpenAI's, llama-server's (`grammar`, `json_schema`), vLLM's. */
interface GrammarFields {
  readonly response_format?: ResponseFormat | undefined;
  readonly grammar?: string | undefined;
  readonly json_schema?: unknown;
  readonly guided_json?: unknown;
  readonly guided_regex?: string | undefined;
  readonly guided_choice?: readonly string[] | undefined;
  readonly guided_grammar?: string | undefined;
  readonly structured_outputs?: StructuredOutputs | undefined;
}

/** OpenAI's format of an answer; llama-server has the schema also beside the type. */
interface ResponseFormat {
  readonly type?: string | undefined;
  readonly json_schema?: { readonly schema?: unknown } | undefined;
  readonly schema?: unknown;
}

interface StructuredOutputs {
  readonly json?: unknown;
  readonly regex?: string | undefined;
  readonly choice?: readonly string[] | undefined;
  readonly grammar?: string | undefined;
  readonly json_object?: boolean | undefined;
}

const isEmpty = (value: object): boolean => Object.keys(value).length === 0;

const text = given(z.string());
const choices = given(listOf(z.string(), { least: 1, most: mostChoices }));
const anything = given(z.unknown());

const notSupported = z.null('not supported').optional();
const structured = {
  json: anything,
  regex: text,
  choice: choices,
  grammar: text,
  json_object: given(z.boolean()),
  structural_tag: notSupported,
  whitespace_pattern: notSupported,
};

/** Members of `structured_outputs`, of which others change nothing. */
export const structuredFields: readonly string[] = Object.keys(structured);

export const grammarFields: { readonly [K in keyof Required<GrammarFields>]: z.ZodType<GrammarFields[K]> } = {
  response_format: given(
    z.looseObject({ type: text, json_schema: given(z.looseObject({ schema: anything })), schema: anything }),
  ),
  grammar: text,
  json_schema: anything,
  guided_json: anything,
  guided_regex: text,
  guided_choice: choices,
  guided_grammar: text,
  structured_outputs: given(
    z
      .looseObject(structured)
      .refine(
        (outputs) => isEmpty(outputs) || structuredFields.some((name) => name in outputs),
        'expected json, regex, choice, grammar or json_object',
      ),
  ),
};

const gbnf = (text: string): GrammarSource => ({ kind: 'gbnf', text });
const regex = (pattern: string): GrammarSource => ({ kind: 'regex', pattern });
const anyOf = (texts: readonly string[]): GrammarSource => ({
  kind: 'choice',
  items: texts.map((text) => ({ kind: 'text', text })),
});

/** A schema as such, or as text. */
function schemaOf(schema: unknown): GrammarSource | undefined {
  if (typeof schema !== 'string') return { kind: 'schema', schema };
  try {
    return { kind: 'schema', schema: JSON.parse(schema) };
  } catch {
    return undefined;
  }
}

/** The source that a response format names; null for any text, undefined where it is not valid. */
function sourceOfFormat({ type, json_schema, schema }: ResponseFormat): GrammarSource | null | undefined {
  switch (type) {
    case undefined:
    case 'text':
      return null;
    case 'json_object':
      return schema === undefined ? { kind: 'json' } : schemaOf(schema);
    case 'json_schema': {
      const given = json_schema?.schema ?? schema;
      return given === undefined ? undefined : schemaOf(given);
    }
    default:
      return undefined;
  }
}

/** The texts that an answer may be by a request's fields, of which only one may say it. Adds an issue where one is not valid. */
export function grammarIn(body: GrammarFields, context: z.core.$RefinementCtx): GrammarSource | undefined {
  const { response_format, structured_outputs: structured } = body;
  const lazily = <T>(
    value: T | undefined,
    of: (value: T) => GrammarSource | null | undefined,
  ): GrammarSource | null | undefined => (value === undefined ? null : of(value));
  const sources: readonly (readonly [field: string, source: GrammarSource | null | undefined])[] = [
    ['response_format', lazily(response_format, sourceOfFormat)],
    // An empty grammar is none, as for llama-server.
    ['grammar', lazily(body.grammar || undefined, gbnf)],
    ['json_schema', lazily(body.json_schema, schemaOf)],
    ['guided_json', lazily(body.guided_json, schemaOf)],
    ['guided_regex', lazily(body.guided_regex, regex)],
    ['guided_choice', lazily(body.guided_choice, anyOf)],
    ['guided_grammar', lazily(body.guided_grammar, gbnf)],
    ['structured_outputs', lazily(structured?.json, schemaOf)],
    ['structured_outputs', lazily(structured?.regex, regex)],
    ['structured_outputs', lazily(structured?.choice, anyOf)],
    ['structured_outputs', lazily(structured?.grammar, gbnf)],
    ['structured_outputs', structured?.json_object ? { kind: 'json' } : null],
  ];
  const [first, second] = sources.filter(([, source]) => source !== null);
  if (!first) return undefined;
  const refuse = (path: string, message: string): undefined =>
    void context.addIssue({ code: 'custom', path: [path], message });
  if (second) return refuse(second[0], `asks for a form of the answer, as ${first[0]} does already`);
  const [field, source] = first;
  return source ?? refuse(field, field === 'response_format' ? expectedFormat : 'expected a JSON schema');
}

const expectedFormat = 'expected the type "text", "json_object", or "json_schema" with a json_schema.schema';
