import { attempt } from '../../base/attempt.ts';
import { SchemaDocument } from '../../grammar/schema/document.ts';
import { isObject } from '../../grammar/schema/keywords.ts';

/** Schemas that are looked at for one answer: references can make a schema far larger than its text. */
const mostSchemas = 256;

/** Schemas that may still be looked at. */
export interface SchemaCount {
  left: number;
}

/** A part of a schema that can stand by itself: without references and `allOf`, with the definitions that it refers to. */
function standalone(part: unknown, document: SchemaDocument): unknown {
  if (!isObject(part)) return part;
  const { $defs, definitions } = isObject(document.root.schema) ? document.root.schema : {};
  const defined = { ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) };
  const flat = attempt(() => document.flat({ schema: part, place: '#' }));
  if (isObject(flat)) return { ...flat, ...defined };
  const { $ref: _, allOf: __, ...own } = part;
  return { ...own, ...defined };
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
function among<T>(
  schema: unknown,
  find: (schema: unknown) => T | undefined,
  count: SchemaCount = { left: mostSchemas },
): T | undefined {
  const found = find(schema);
  if (found !== undefined) return found;
  for (const one of alternativesOf(schema, count) ?? []) {
    const inner = among(one, find, count);
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

/** The alternatives of a schema, each by itself; undefined where it has none, or more than `count` has left. */
export function alternativesOf(schema: unknown, count: SchemaCount): readonly unknown[] | undefined {
  if (!isObject(schema)) return undefined;
  const listed = [schema['anyOf'], schema['oneOf']].find(Array.isArray) as readonly unknown[] | undefined;
  if (!listed) return undefined;
  count.left -= listed.length;
  if (count.left < 0) return undefined;
  const document = new SchemaDocument(schema);
  return listed.map((one) => standalone(one, document));
}

/** Whether a schema allows texts: such a value is taken as it is written. Undefined where nothing is known of it. */
export function allowsText(schema: unknown, count: SchemaCount = { left: mostSchemas }): boolean | undefined {
  if (!isObject(schema)) return undefined;
  const { type, enum: values, const: only } = schema;
  if (typeof type === 'string') return type === 'string';
  if (Array.isArray(type)) return type.includes('string');
  if (Array.isArray(values)) return values.some((value) => typeof value === 'string');
  if (only !== undefined) return typeof only === 'string';
  return alternativesOf(schema, count)
    ?.map((one) => allowsText(one, count))
    .some((text) => text === true);
}
