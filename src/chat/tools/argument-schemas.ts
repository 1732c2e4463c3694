import { attempt } from '../../base/attempt.ts';
import { SchemaDocument } from '../../grammar/schema/document.ts';
import { isObject } from '../../grammar/schema/keywords.ts';
import { merge } from '../../grammar/schema/merge.ts';

/** Alternatives within each other that are looked at; a schema may refer to itself. */
const deepest = 8;

/** A part of a schema that can stand by itself: without references and `allOf`, with the definitions that it refers to. */
function standalone(part: unknown, document: SchemaDocument, depth = 0): unknown {
  if (!isObject(part) || depth > deepest) return part;
  const { $ref, allOf, ...own } = part;
  const { $defs, definitions } = isObject(document.root.schema) ? document.root.schema : {};
  const defined = { ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) };
  const referred =
    $ref === undefined ? undefined : attempt(() => document.resolve({ schema: { $ref }, place: '#' }).schema);
  return [referred, ...listOf(allOf)].filter(isObject).reduce<unknown>(
    (merged, one) => {
      const other = standalone(one, document, depth + 1);
      return attempt(() => merge(merged, other, '#', document.spend)) ?? merged;
    },
    { ...own, ...defined },
  );
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Schemas of the properties that a schema names, in their order, each by itself; empty where it names none. */
export function propertySchemas(schema: unknown): Readonly<Record<string, unknown>> {
  const whole = standalone(schema, new SchemaDocument(schema));
  const properties = isObject(whole) && isObject(whole.properties) ? whole.properties : {};
  const document = new SchemaDocument(whole);
  return Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, standalone(one, document)]));
}

/** Names of the properties that a schema requires. */
export function requiredNames(schema: unknown): ReadonlySet<unknown> {
  const whole = standalone(schema, new SchemaDocument(schema));
  return new Set(isObject(whole) ? listOf(whole['required']) : []);
}

/** The first of its alternatives, and of theirs, that `find` finds something in. */
function among<T>(schema: unknown, find: (schema: unknown) => T | undefined, depth = 0): T | undefined {
  const found = find(schema);
  if (found !== undefined || depth >= deepest) return found;
  for (const one of alternativesOf(schema) ?? []) {
    const inner = among(one, find, depth + 1);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** The schema of a member of an object's schema; undefined where none is known. */
export const memberSchema = (schema: unknown, name: string): unknown =>
  among(schema, (one) => {
    const members = propertySchemas(one);
    return Object.hasOwn(members, name) ? members[name] : undefined;
  });

/** The schema of the elements of a list's schema; undefined where none is known. */
export const itemSchema = (schema: unknown): unknown =>
  among(schema, (one) =>
    isObject(one) && one['items'] !== undefined ? standalone(one['items'], new SchemaDocument(one)) : undefined,
  );

/** The alternatives of a schema, each by itself; undefined where it has none. */
export function alternativesOf(schema: unknown): readonly unknown[] | undefined {
  if (!isObject(schema)) return undefined;
  const listed = [schema['anyOf'], schema['oneOf']].find(Array.isArray) as readonly unknown[] | undefined;
  const document = new SchemaDocument(schema);
  return listed?.map((one) => standalone(one, document));
}

/** Whether a schema allows texts: such a value is taken as it is written. Undefined where nothing is known of it. */
export function allowsText(schema: unknown, depth = 0): boolean | undefined {
  if (!isObject(schema) || depth > deepest) return undefined;
  const { type, enum: values, const: only } = schema;
  if (typeof type === 'string') return type === 'string';
  if (Array.isArray(type)) return type.includes('string');
  if (Array.isArray(values)) return values.some((value) => typeof value === 'string');
  if (only !== undefined) return typeof only === 'string';
  return alternativesOf(schema)
    ?.map((one) => allowsText(one, depth + 1))
    .some((text) => text === true);
}
