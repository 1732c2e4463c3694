import { TemplateError } from '../jinja/errors.ts';
import type { RenderMeter } from '../jinja/meter.ts';

/** A value of a template; nil is undefined. */
export type GoValue = string | number | boolean | undefined | List | GoFields;

/** Forms of a value whose type has its own. */
interface Forms {
  /** The text that it prints as; default: Go's usual form. */
  readonly text?: (() => string) | undefined;
  /** The JSON that it is; default: that of its fields, by their names. */
  readonly json?: unknown;
}

/** A slice. */
export class List {
  readonly items: readonly GoValue[];
  readonly forms: Forms;

  constructor(items: readonly GoValue[], forms: Forms = {}) {
    this.items = items;
    this.forms = forms;
  }
}

/** A map, or a struct: a struct is always true, and has no fields beside those of its type. */
export class GoFields {
  readonly kind: 'map' | 'struct';
  readonly entries: ReadonlyMap<string, GoValue>;
  readonly forms: Forms;

  constructor(kind: 'map' | 'struct', entries: Iterable<readonly [string, GoValue]>, forms: Forms = {}) {
    this.kind = kind;
    // Go prints and visits maps in the order of their keys.
    this.entries = new Map(kind === 'map' ? [...entries].sort(([a], [b]) => (a < b ? -1 : 1)) : entries);
    this.forms = forms;
  }
}

export const isTrue = (value: GoValue): boolean => {
  if (value instanceof List) return value.items.length > 0;
  if (value instanceof GoFields) return value.kind === 'struct' || value.entries.size > 0;
  return Boolean(value);
};

/** A value as Go's `%v` prints it. */
export function printed(value: GoValue, meter: RenderMeter): string {
  meter.step();
  if (value === undefined) return '<no value>';
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  meter.enter();
  const text = value.forms.text?.() ?? composed(value, meter);
  meter.leave();
  meter.text(text.length);
  return text;
}

function composed(value: List | GoFields, meter: RenderMeter): string {
  const inner = (one: GoValue): string => (one === undefined ? '<nil>' : printed(one, meter));
  if (value instanceof List) return `[${value.items.map(inner).join(' ')}]`;
  if (value.kind === 'struct') return `{${[...value.entries.values()].map(inner).join(' ')}}`;
  return `map[${[...value.entries].map(([key, one]) => `${key}:${inner(one)}`).join(' ')}]`;
}

/** Go's JSON of a value that JSON can hold: keys of maps in order, and signs of HTML escaped. */
export const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A value of JSON with the keys of its objects in order. */
export function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sortedKeys(inner)]),
  );
}

/** A value of a template as one of JSON. */
export function plainValue(value: GoValue): unknown {
  if (typeof value === 'object' && value.forms.json !== undefined) return value.forms.json;
  if (value instanceof List) return value.items.map(plainValue);
  if (value instanceof GoFields)
    return Object.fromEntries([...value.entries].map(([key, one]) => [key, plainValue(one)]));
  return value ?? null;
}

/** A value of JSON as one of a template. */
export function toValue(value: unknown): GoValue {
  if (Array.isArray(value)) return new List(value.map(toValue));
  if (typeof value === 'object' && value !== null) {
    return new GoFields(
      'map',
      Object.entries(value).map(([key, inner]) => [key, toValue(inner)] as const),
    );
  }
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  throw new TemplateError(`a ${typeof value} cannot be a value`);
}
