import { isObject, type SchemaObject, type TypeName, typesOf } from './keywords.ts';

/** The only values of a schema, as JSON; undefined where it has others. */
function valuesOf({ const: only, enum: some }: SchemaObject): readonly string[] | undefined {
  const values = only !== undefined ? [only] : Array.isArray(some) ? some : undefined;
  return values?.map((value) => JSON.stringify(value));
}

function typesIn(schema: SchemaObject): readonly TypeName[] {
  const values = valuesOf(schema);
  if (!values) return typesOf(schema, '');
  return values.map((value) => {
    const parsed: unknown = JSON.parse(value);
    if (parsed === null) return 'null';
    return Array.isArray(parsed) ? 'array' : (typeof parsed as TypeName);
  });
}

/** Objects within objects whose properties may separate two schemas: references can lead to themselves. */
const deepest = 16;

const plain = (type: TypeName): TypeName => (type === 'integer' ? 'number' : type);

/** True if no value is one of both schemas, so that exactly one holds where either does. They have no references. */
export function exclude(a: unknown, b: unknown, flat: (schema: unknown) => unknown, depth = 0): boolean {
  if (depth > deepest) return false;
  const [one, other] = [flat(a), flat(b)];
  if (one === false || other === false) return true;
  if (!isObject(one) || !isObject(other)) return false;
  const [values, others] = [valuesOf(one), valuesOf(other)];
  if (values && others) return !values.some((value) => others.includes(value));
  const types = new Set(typesIn(one).map(plain));
  if (!typesIn(other).some((type) => types.has(plain(type)))) return true;
  return (
    types.size === 1 &&
    types.has('object') &&
    objectsExclude(one, other, (own, its) => exclude(own, its, flat, depth + 1))
  );
}

/** Objects exclude each other by a property that both require, or by one that the other never has. */
function objectsExclude(a: SchemaObject, b: SchemaObject, excludes: (a: unknown, b: unknown) => boolean): boolean {
  const propertiesOf = ({ properties }: SchemaObject): SchemaObject => (isObject(properties) ? properties : {});
  const requires = ({ required }: SchemaObject, name: string): boolean =>
    Array.isArray(required) && required.includes(name);
  const [own, others] = [propertiesOf(a), propertiesOf(b)];
  const names = new Set([...Object.keys(own), ...Object.keys(others)]);
  const isNever = (schema: SchemaObject, properties: SchemaObject, name: string): boolean =>
    Object.keys(properties).length > 0 && !Object.hasOwn(properties, name) && !schema.additionalProperties;
  const separates = (name: string): boolean => {
    if (requires(a, name) && requires(b, name)) return excludes(own[name] ?? true, others[name] ?? true);
    return (requires(a, name) && isNever(b, others, name)) || (requires(b, name) && isNever(a, own, name));
  };
  return [...names].some(separates);
}
