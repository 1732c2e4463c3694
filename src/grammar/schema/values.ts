import { acceptor } from '../accepts.ts';
import { grammarError } from '../grammar-error.ts';
import { characters } from '../node.ts';
import { parseRegex } from '../regex.ts';
import type { SchemaDocument } from './document.ts';
import { formats } from './formats.ts';
import {
  countOf,
  enforceable,
  isObject,
  numberOf,
  type PlacedSchema,
  type SchemaObject,
  schemasOf,
  under,
} from './keywords.ts';
import { requiredOf } from './objects.ts';
import { boundsOf } from './scalars.ts';

/** References and alternatives for the same value within each other. */
const deepest = 100;

/** Text of a value that all that are equal have. */
export const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    isObject(part) ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1))) : part,
  );

/**
 * Tests of values that are given: each keyword means what the standard says, while the grammar of a schema has fewer texts,
 * such as properties in one order.
 */
export class ValueTests {
  readonly #document: SchemaDocument;
  readonly #patterns: Map<string, (text: string) => boolean> = new Map();

  constructor(document: SchemaDocument) {
    this.#document = document;
  }

  /** Is this a value of the schema? Throws BAD_GRAMMAR where that cannot be decided. */
  holds(placed: PlacedSchema, value: unknown, depth = 0): boolean {
    const { schema, place } = placed;
    this.#document.spend(place);
    if (typeof schema === 'boolean') return schema;
    if (!isObject(schema)) throw grammarError(place, 'expected a schema');
    if (depth > deepest) throw grammarError(place, 'references lead nowhere');
    const { not, ...others } = schema;
    enforceable(others, place, this.#document.refuse);
    const same = (one: PlacedSchema): boolean => this.holds(one, value, depth + 1);
    if (not !== undefined && same({ schema: not, place: under(place, 'not') })) return false;
    if (schema.$ref !== undefined && !same(this.#document.resolve({ schema: { $ref: schema.$ref }, place })))
      return false;
    const { allOf, anyOf, oneOf } = schema;
    if (allOf !== undefined && !schemasOf(allOf, under(place, 'allOf')).every(same)) return false;
    if (anyOf !== undefined && !schemasOf(anyOf, under(place, 'anyOf')).some(same)) return false;
    if (oneOf !== undefined && schemasOf(oneOf, under(place, 'oneOf')).filter(same).length !== 1) return false;
    return this.#isListed(schema, value, place) && hasType(schema, value) && this.#fits(schema, value, place);
  }

  #isListed({ const: only, enum: some }: SchemaObject, value: unknown, place: string): boolean {
    if (only === undefined && some === undefined) return true;
    const text = canonical(value);
    const equals = (listed: unknown): boolean => {
      const other = canonical(listed);
      this.#document.spend(place, other);
      return other === text;
    };
    if (only !== undefined && !equals(only)) return false;
    if (some === undefined) return true;
    if (!Array.isArray(some)) throw grammarError(under(place, 'enum'), 'expected a list');
    return some.some(equals);
  }

  #fits(schema: SchemaObject, value: unknown, place: string): boolean {
    if (typeof value === 'number') return this.#fitsNumber(schema, value, place);
    if (typeof value === 'string') return this.#fitsString(schema, value, place);
    if (Array.isArray(value)) return this.#fitsList(schema, value, place);
    return !isObject(value) || this.#fitsObject(schema, value, place);
  }

  #fitsNumber(schema: SchemaObject, value: number, place: string): boolean {
    const { min, max, aboveMin, belowMax } = boundsOf(schema, place);
    const step = numberOf(schema, 'multipleOf', place);
    if (min !== undefined && (aboveMin ? value <= min : value < min)) return false;
    if (max !== undefined && (belowMax ? value >= max : value > max)) return false;
    return step === undefined || isMultiple(value, step);
  }

  #fitsString(schema: SchemaObject, value: string, place: string): boolean {
    const { pattern, format } = schema;
    if (!isCountWithin(schema, 'Length', Array.from(value).length, place)) return false;
    if (pattern !== undefined && typeof pattern !== 'string') {
      throw grammarError(under(place, 'pattern'), 'expected a regular expression');
    }
    if (pattern !== undefined && !this.#matches(pattern, value, { place: under(place, 'pattern'), search: true })) {
      return false;
    }
    const known = typeof format === 'string' && Object.hasOwn(formats, format) ? formats[format] : undefined;
    return known === undefined || this.#matches(known, value, { place: under(place, 'format'), search: false });
  }

  /** Does a text match a pattern? Never by a search that goes back: a pattern may come from anywhere. */
  #matches(pattern: string, text: string, where: { readonly place: string; readonly search: boolean }): boolean {
    const key = `${where.search} ${pattern}`;
    let test = this.#patterns.get(key);
    if (!test) {
      this.#document.spend(where.place, pattern.length);
      test = acceptor(parseRegex(pattern, { ...where, character: (ranges) => characters(...ranges) }).node);
      this.#patterns.set(key, test);
    }
    this.#document.spend(where.place, text.length);
    return test(text);
  }

  #fitsList(schema: SchemaObject, values: readonly unknown[], place: string): boolean {
    const { prefixItems, items = true, additionalItems = true } = schema;
    const [first, firstName, rest, restName] = Array.isArray(items)
      ? ([items, 'items', additionalItems, 'additionalItems'] as const)
      : ([prefixItems ?? [], 'prefixItems', items, 'items'] as const);
    if (!Array.isArray(first)) throw grammarError(under(place, firstName), 'expected a list of schemas');
    return (
      isCountWithin(schema, 'Items', values.length, place) &&
      values.every((value, i) =>
        i < first.length
          ? this.holds({ schema: first[i], place: under(place, firstName, i) }, value)
          : this.holds({ schema: rest, place: under(place, restName) }, value),
      )
    );
  }

  #fitsObject(schema: SchemaObject, value: SchemaObject, place: string): boolean {
    const { properties = {}, patternProperties = {}, additionalProperties = true, propertyNames = true } = schema;
    const names = Object.keys(value);
    if (!isCountWithin(schema, 'Properties', names.length, place)) return false;
    if (!isObject(properties)) throw grammarError(under(place, 'properties'), 'expected an object of schemas');
    if (!isObject(patternProperties)) {
      throw grammarError(under(place, 'patternProperties'), 'expected an object of schemas');
    }
    if (!requiredOf(schema, place).every((name) => Object.hasOwn(value, name))) return false;
    return names.every((name) => {
      const own = Object.hasOwn(properties, name);
      const patterns = Object.keys(patternProperties).filter((pattern) =>
        this.#matches(pattern, name, { place: under(place, 'patternProperties', pattern), search: true }),
      );
      const schemas = [
        ...(own ? [{ schema: properties[name], place: under(place, 'properties', name) }] : []),
        ...patterns.map((pattern) => ({
          schema: patternProperties[pattern],
          place: under(place, 'patternProperties', pattern),
        })),
        ...(own || patterns.length > 0
          ? []
          : [{ schema: additionalProperties, place: under(place, 'additionalProperties') }]),
      ];
      return (
        schemas.every((one) => this.holds(one, value[name])) &&
        this.holds({ schema: propertyNames, place: under(place, 'propertyNames') }, name)
      );
    });
  }
}

/** Is a count between the schema's `min` and `max` of it? */
function isCountWithin(schema: SchemaObject, of: string, count: number, place: string): boolean {
  const min = countOf(schema, `min${of}`, place) ?? 0;
  return count >= min && count <= (countOf(schema, `max${of}`, place) ?? Number.POSITIVE_INFINITY);
}

function hasType({ type, nullable }: SchemaObject, value: unknown): boolean {
  if (type === undefined || (nullable === true && value === null)) return true;
  const own = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
  return [type].flat().some((one) => one === own || (one === 'integer' && Number.isInteger(value)));
}

/** Is a number a multiple of another one, with as many digits as both are written with? */
const isMultiple = (value: number, step: number): boolean =>
  step > 0 && Number.isInteger(Number((value / step).toPrecision(15)));
