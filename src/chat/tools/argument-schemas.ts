import { attempt } from '../../base/attempt.ts';
import { SchemaDocument } from '../../grammar/schema/document.ts';
import { isObject } from '../../grammar/schema/keywords.ts';

/** Schemas that are looked at for one answer: references can make a schema far larger than its text. */
const mostSchemas = 256;

/** Schemas that may still be looked at. */
export interface SchemaCount {
  left: number;
}

const documentOf = (schema: unknown): SchemaDocument => new SchemaDocument(schema, { relaxed: true });

/** A part of a schema that can stand by itself: without references and `allOf`, with the definitions that it refers to. */
function standalone(part: unknown, document: SchemaDocument): unknown {
  if (!isObject(part)) return part;
  const defined = definitionsIn(document.root.schema);
  const flat = attempt(() => document.flat({ schema: part, place: '#' }));
  if (isObject(flat)) return { ...flat, ...defined };
  const { $ref: _, allOf: __, ...own } = part;
  return { ...own, ...defined };
}

function definitionsIn(schema: unknown): object {
  const { $defs, definitions } = isObject(schema) ? schema : {};
  return { ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) };
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Schemas of the properties that a schema names, in their order, each by itself; empty where it names none. */
function propertySchemas(schema: unknown): Readonly<Record<string, unknown>> {
  const whole = standalone(schema, documentOf(schema));
  const properties = isObject(whole) && isObject(whole.properties) ? whole.properties : {};
  const document = documentOf(whole);
  return Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, standalone(one, document)]));
}

/** Schemas of a call's arguments, each by itself: of the properties of a schema, and then of its alternatives. */
export function argumentSchemas(schema: unknown): Readonly<Record<string, unknown>> {
  const own = propertySchemas(schema);
  const others = new Map<string, unknown[]>();
  const alternatives = alternativesOf(standalone(schema, documentOf(schema)), { left: mostSchemas }) ?? [];
  for (const [name, one] of alternatives.flatMap((one) => Object.entries(propertySchemas(one)))) {
    if (Object.hasOwn(own, name)) continue;
    const same = others.get(name);
    if (same) same.push(one);
    else others.set(name, [one]);
  }
  const chosen = [...others].map(([name, [first, ...more]]) => [
    name,
    more.length === 0 ? first : { anyOf: [first, ...more], ...definitionsIn(first) },
  ]);
  return { ...own, ...Object.fromEntries(chosen) };
}

/** Names of the properties that a schema requires. */
export function requiredNames(schema: unknown): ReadonlySet<unknown> {
  const whole = standalone(schema, documentOf(schema));
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
    isObject(one) && one['items'] !== undefined ? standalone(one['items'], documentOf(one)) : undefined,
  );

/** A list or an object without elements, as JSON, where a schema wants one. */
export const emptyValue = (schema: unknown): string | undefined =>
  among(schema, (one) => {
    const { type, properties } = isObject(one) ? one : {};
    if (type === 'array') return '[]';
    return type === 'object' || isObject(properties) ? '{}' : undefined;
  });

/** The alternatives of a schema, each by itself; undefined where it has none, or more than `count` has left. */
export function alternativesOf(schema: unknown, count: SchemaCount): readonly unknown[] | undefined {
  if (!isObject(schema)) return undefined;
  const listed = [schema['anyOf'], schema['oneOf']].find(Array.isArray) as readonly unknown[] | undefined;
  if (!listed) return undefined;
  count.left -= listed.length;
  if (count.left < 0) return undefined;
  const document = documentOf(schema);
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
