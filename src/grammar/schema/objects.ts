import { grammarError } from '../grammar-error.ts';
import { blank, bracketed, comma, listed, member } from '../json-text.ts';
import { choice, concat, type GrammarNode, literal, type Rule, repeat } from '../node.ts';
import type { Notation } from '../notation.ts';
import { countOf, isObject, longestName, type PlacedSchema, type SchemaObject, under } from './keywords.ts';

/** The parts of objects. */
interface ObjectParts {
  readonly notation: Notation;
  /** The grammar of the values of a schema. */
  readonly nodeOf: (placed: PlacedSchema) => GrammarNode;
  /** Counts work at a place. */
  readonly spend: (place: string, work: number) => void;
}

interface Member {
  readonly node: GrammarNode;
  readonly required: boolean;
}

/**
 * Objects with their properties in the order of the schema. A schema that names properties means no others, unless it
 * says what they are: models would add some of their own.
 */
export function objectNode(schema: SchemaObject, place: string, parts: ObjectParts): GrammarNode {
  const { notation, nodeOf } = parts;
  const { properties = {}, patternProperties = {} } = schema;
  if (!isObject(properties)) throw grammarError(under(place, 'properties'), 'expected an object of schemas');
  if (!isObject(patternProperties))
    throw grammarError(under(place, 'patternProperties'), 'expected an object of schemas');
  const required = requiredOf(schema, place);
  const names = [...new Set([...Object.keys(properties), ...required])];
  const [pattern, ...patterns] = Object.keys(patternProperties);
  if (pattern !== undefined && (patterns.length > 0 || names.length > 0 || isOpen(schema))) {
    throw grammarError(
      under(place, 'patternProperties'),
      'it can be enforced only where there are no other properties',
    );
  }
  const others = othersOf(schema, { place, names, pattern }, parts);
  const [min, max] = [
    countOf(schema, 'minProperties', place) ?? 0,
    countOf(schema, 'maxProperties', place) ?? Number.POSITIVE_INFINITY,
  ];
  if (names.length === 0) return bracketed('{', others ? listed(others, min, max) : literal(''), '}');
  if (min > required.length || max < names.length || (others && max < Number.POSITIVE_INFINITY)) {
    const keyword = min > required.length ? 'minProperties' : 'maxProperties';
    throw grammarError(under(place, keyword), 'it cannot be enforced together with properties by name');
  }
  const isRequired = new Set(required);
  const members = names.map((name): Member => {
    const schema = Object.hasOwn(properties, name) ? properties[name] : true;
    const value = nodeOf({ schema, place: under(place, 'properties', name) });
    return { node: member(notation.key(name), value), required: isRequired.has(name) };
  });
  return bracketed('{', membersFrom(members, others), '}');
}

/** Names of the properties that a schema requires, each once. Throws BAD_GRAMMAR. */
export function requiredOf({ required = [] }: SchemaObject, place: string): readonly string[] {
  const isName = (name: unknown): boolean => typeof name === 'string' && name.length <= longestName;
  if (Array.isArray(required) && required.every(isName)) return [...new Set(required as string[])];
  throw grammarError(under(place, 'required'), `expected a list of names of at most ${longestName} characters`);
}

const isOpen = ({ additionalProperties }: SchemaObject): boolean =>
  additionalProperties === true || isObject(additionalProperties);

/** The members beside those with a name of their own; undefined where there are none. */
function othersOf(
  schema: SchemaObject,
  {
    place,
    names,
    pattern,
  }: { readonly place: string; readonly names: readonly string[]; readonly pattern: string | undefined },
  { notation, nodeOf, spend }: ObjectParts,
): GrammarNode | undefined {
  const { additionalProperties, propertyNames } = schema;
  if (pattern !== undefined) {
    const key = nodeOf({ schema: { type: 'string', pattern }, place: under(place, 'patternProperties') });
    const schemaOfPattern = (schema.patternProperties as SchemaObject)[pattern];
    return member(key, nodeOf({ schema: schemaOfPattern, place: under(place, 'patternProperties', pattern) }));
  }
  if (!isOpen(schema) && (additionalProperties === false || names.length > 0)) return undefined;
  const value = nodeOf({ schema: additionalProperties ?? true, place: under(place, 'additionalProperties') });
  // Each character is a place where another name may differ.
  for (const name of names) spend(place, 4 * name.length);
  if (propertyNames === undefined) return member(notation.otherKey(names), value);
  if (names.length > 0) {
    throw grammarError(under(place, 'propertyNames'), 'it cannot be enforced together with properties by name');
  }
  const ofStrings = isObject(propertyNames) ? { type: 'string', ...propertyNames } : propertyNames;
  return member(nodeOf({ schema: ofStrings, place: under(place, 'propertyNames') }), value);
}

/** The properties of a schema as arguments of Python's, in the schema's order: `city="Oslo", days=3`. */
export function argumentsNode(schema: SchemaObject, place: string, { nodeOf }: ObjectParts): GrammarNode {
  const { properties = {} } = schema;
  if (!isObject(properties)) throw grammarError(under(place, 'properties'), 'expected an object of schemas');
  const required = new Set(requiredOf(schema, place));
  const members = Object.entries(properties).map(
    ([name, value]): Member => ({
      node: concat(literal(`${name}=`), nodeOf({ schema: value, place: under(place, 'properties', name) })),
      required: required.has(name),
    }),
  );
  return membersFrom(members, undefined);
}

/** Members in their order, of which some may be left out, and then any number of others. */
function membersFrom(members: readonly Member[], others: GrammarNode | undefined): GrammarNode {
  /** Members that may come where none has, the last first, and the rest where one has. */
  let firsts: GrammarNode[] = [others ? listed(others, 0, Number.POSITIVE_INFINITY) : literal('')];
  let later: GrammarNode = others ? concat(repeat(concat(comma, others), 0), blank) : blank;
  for (const { node, required } of members.toReversed()) {
    // Each rest is a rule, since two ways lead to it.
    const rest: Rule = { kind: 'rule', name: 'members', body: later };
    if (required) firsts = [];
    firsts.push(concat(node, rest));
    later = { kind: 'rule', name: 'members', body: choice(concat(comma, node, rest), ...(required ? [] : [later])) };
  }
  return choice(...firsts.reverse());
}
