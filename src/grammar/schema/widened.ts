import { isObject, type SchemaObject, under } from './keywords.ts';

/** Keywords that can leave a schema without any value. */
const bounds: readonly string[] = [
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
];

/** Keywords that forbid what another one no longer allows once it is left out. */
const closing = new Map([
  ['properties', 'additionalProperties'],
  ['patternProperties', 'additionalProperties'],
  ['prefixItems', 'items'],
]);

/**
 * The schema with more values: without the keyword that was refused, at the place of an error, or without bounds where
 * there was no value; else with its type alone. Undefined where nothing can be left out.
 */
export function widened(schema: unknown, place: string, refused: string | undefined): SchemaObject | undefined {
  if (!isObject(schema)) return undefined;
  const keyword = Object.keys(schema).find((name) => refused !== undefined && isWithin(refused, under(place, name)));
  const { oneOf, ...others } = schema;
  if (keyword === 'oneOf' && schema['anyOf'] === undefined) return { ...others, anyOf: oneOf };
  const left = keyword === undefined ? bounds : [keyword, closing.get(keyword)];
  if (refused === undefined || keyword !== undefined) {
    const kept = Object.entries(schema).filter(([name]) => !left.includes(name));
    if (kept.length < Object.keys(schema).length) return Object.fromEntries(kept);
  }
  const { type, nullable } = schema;
  const own = { ...(type !== undefined && { type }), ...(nullable !== undefined && { nullable }) };
  return Object.keys(own).length < Object.keys(schema).length ? own : undefined;
}

const isWithin = (place: string, outer: string): boolean =>
  place === outer || place.startsWith(`${outer}/`) || place.startsWith(`${outer},`);
