import { grammarError } from '../grammar-error.ts';
import { isObject, type Refuse, type SchemaObject, under } from './keywords.ts';

/** Keywords of which the larger, or the smaller, of two values holds. */
const larger = new Set(['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties']);
const smaller = new Set(['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties']);
/** Keywords whose values are schemas for which both must hold. */
const schemas = new Set(['items', 'additionalProperties', 'propertyNames']);

interface Merging {
  /** Counts work at a place. */
  readonly spend: (place: string) => void;
  /** Hears of keywords that cannot be merged: what remains is that of the first schema. */
  readonly refuse: Refuse;
}

/** One schema for what holds by both; `place` is that of the second. Throws BAD_GRAMMAR where there is none to write. */
export function merge(a: unknown, b: unknown, place: string, merging: Merging): unknown {
  if (a === true || b === false) return b;
  if (b === true || a === false) return a;
  if (!isObject(a) || !isObject(b)) throw grammarError(place, 'expected a schema');
  const merged: Record<string, unknown> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const own = a[name];
    merged[name] =
      own === undefined || own === value ? value : both(name, own, value, { place: under(place, name), ...merging });
  }
  checkClosed(a, b, place, merging.refuse);
  return merged;
}

function both(
  name: string,
  a: unknown,
  b: unknown,
  { place, spend, refuse }: { readonly place: string } & Merging,
): unknown {
  if (areSame(a, b, () => spend(place))) return a;
  if (typeof a === 'number' && typeof b === 'number') {
    if (larger.has(name)) return Math.max(a, b);
    if (smaller.has(name)) return Math.min(a, b);
  }
  if (schemas.has(name)) return { allOf: [a, b] };
  switch (name) {
    case 'properties':
      return mergedProperties(a, b, place);
    case 'required':
      return [...new Set([a, b].flat())];
    case 'enum':
      return common(a, b);
    case 'type':
      return mergedTypes([a].flat(), [b].flat());
    case 'allOf':
      return [a, b].flat();
    case '$ref':
    case 'anyOf':
    case 'oneOf':
    case 'const':
    case 'pattern':
    case 'format':
    case 'multipleOf':
    case 'prefixItems':
    case 'patternProperties':
      refuse(place, 'it cannot be enforced together with another one');
      return a;
    default:
      return a;
  }
}

/** Are two values of JSON written alike? Merged schemas share parts, so their texts can be far longer than they are. */
function areSame(a: unknown, b: unknown, count: () => void): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  count();
  const [own, others] = [Object.entries(a), Object.entries(b)];
  return (
    Array.isArray(a) === Array.isArray(b) &&
    own.length === others.length &&
    own.every(([name, value], i) => {
      const [other, its] = others[i] as [string, unknown];
      return name === other && areSame(value, its, count);
    })
  );
}

function mergedProperties(a: unknown, b: unknown, place: string): unknown {
  if (!isObject(a) || !isObject(b)) throw grammarError(place, 'expected an object of schemas');
  const shared = Object.keys(b).filter((name) => Object.hasOwn(a, name));
  return { ...a, ...b, ...Object.fromEntries(shared.map((name) => [name, { allOf: [a[name], b[name]] }])) };
}

const common = (a: unknown, b: unknown): readonly unknown[] => {
  const others = new Set([b].flat().map((value) => JSON.stringify(value)));
  return [a].flat().filter((value) => others.has(JSON.stringify(value)));
};

/** Types that both lists have; integers are numbers. */
function mergedTypes(a: readonly unknown[], b: readonly unknown[]): readonly unknown[] {
  const has = (list: readonly unknown[], type: unknown): boolean =>
    list.includes(type) || (type === 'integer' && list.includes('number'));
  return [...new Set([...a.filter((type) => has(b, type)), ...b.filter((type) => has(a, type))])];
}

/** Refuses schemas of which one forbids properties that the other names: which of them hold is hard to say. */
function checkClosed(a: SchemaObject, b: SchemaObject, place: string, refuse: Refuse): void {
  const names = (schema: SchemaObject): readonly string[] => Object.keys(Object(schema.properties));
  const isClosed = (schema: SchemaObject): boolean =>
    isObject(schema.additionalProperties) || schema.additionalProperties === false;
  const lacks = (schema: SchemaObject, other: SchemaObject): boolean =>
    isClosed(schema) && names(other).some((name) => !names(schema).includes(name));
  if (lacks(a, b) || lacks(b, a)) {
    refuse(place, 'additionalProperties cannot be enforced together with the properties beside it');
  }
}
