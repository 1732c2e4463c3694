import { grammarError } from '../grammar-error.ts';

/** A schema that is no boolean. */
export interface SchemaObject {
  readonly [keyword: string]: unknown;
  readonly $ref?: unknown;
  readonly $anchor?: unknown;
  readonly const?: unknown;
  readonly enum?: unknown;
  readonly pattern?: unknown;
  readonly properties?: unknown;
  readonly patternProperties?: unknown;
  readonly additionalProperties?: unknown;
}

/** A schema and its place in the whole, as a JSON pointer. */
export interface PlacedSchema {
  readonly schema: unknown;
  readonly place: string;
}

/** Keywords that say something of values which a grammar cannot. */
const unenforceable: ReadonlySet<string> = new Set([
  'not',
  'if',
  'then',
  'else',
  'contains',
  'minContains',
  'maxContains',
  'dependentRequired',
  'dependentSchemas',
  'dependencies',
  'unevaluatedProperties',
  'unevaluatedItems',
  '$dynamicRef',
  '$recursiveRef',
]);

const types = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const;
export type TypeName = (typeof types)[number];

/** Keywords that speak of values of one type only. */
const keywordsOf: Readonly<Partial<Record<TypeName, readonly string[]>>> = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'patternProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
  ],
  array: ['items', 'prefixItems', 'additionalItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
};

/** The longest name of a property: places of schemas contain it, and each of its characters may be a rule. */
export const longestName = 512;

export const isObject = (value: unknown): value is SchemaObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A part of a JSON pointer: "a/b" -> "a~1b". */
const pointerPart = (name: string | number): string => `${name}`.replaceAll('~', '~0').replaceAll('/', '~1');

export const under = (place: string, ...names: readonly (string | number)[]): string =>
  [place, ...names.map(pointerPart)].join('/');

/** The reason why a keyword cannot be enforced; undefined where it can, or is a remark, as unknown ones are. */
function obstacle(name: string, value: unknown): string | undefined {
  if (unenforceable.has(name)) return 'this keyword cannot be enforced';
  return name === 'uniqueItems' && value === true ? 'that items differ cannot be enforced' : undefined;
}

/** Hears that a keyword cannot be enforced: throws, or leaves it out. */
export type Refuse = (place: string, reason: string) => void;

/** The schema without keywords that cannot be enforced, which are refused; itself where it has none. */
export function enforceable(schema: SchemaObject, place: string, refuse: Refuse): SchemaObject {
  const entries = Object.entries(schema);
  const kept = entries.filter(([name, value]) => {
    const reason = obstacle(name, value);
    if (reason !== undefined) refuse(under(place, name), reason);
    return reason === undefined;
  });
  return kept.length === entries.length ? schema : Object.fromEntries(kept);
}

/** A list of schemas. Throws BAD_GRAMMAR where it is none, or empty. */
export function schemasOf(schemas: unknown, place: string): readonly PlacedSchema[] {
  if (!Array.isArray(schemas) || schemas.length === 0) throw grammarError(place, 'expected a list of schemas');
  return schemas.map((schema: unknown, i) => ({ schema, place: under(place, i) }));
}

/** The types of values that a schema is about: those that it names, or else those that its keywords speak of. */
export function typesOf(schema: SchemaObject, place: string): readonly TypeName[] {
  const { type, nullable } = schema;
  const named = type === undefined ? impliedTypes(schema) : [type].flat();
  const wrong = named.find((name) => !types.includes(name as TypeName));
  if (wrong !== undefined) throw grammarError(under(place, 'type'), `there is no type ${JSON.stringify(wrong)}`);
  const all = new Set(named as TypeName[]);
  if (nullable === true) all.add('null');
  return [...all];
}

function impliedTypes(schema: SchemaObject): readonly TypeName[] {
  const implied = types.filter((type) => keywordsOf[type]?.some((keyword) => schema[keyword] !== undefined));
  return implied.length > 0 ? implied : types.filter((type) => type !== 'integer');
}

/** A keyword's value as a whole number from 0 on. Throws BAD_GRAMMAR. */
export function countOf(schema: SchemaObject, keyword: string, place: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && (value as number) >= 0) return value as number;
  throw grammarError(under(place, keyword), 'expected a whole number from 0 on');
}

/** A keyword's value as a finite number. Throws BAD_GRAMMAR. */
export function numberOf(schema: SchemaObject, keyword: string, place: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw grammarError(under(place, keyword), 'expected a number');
}
