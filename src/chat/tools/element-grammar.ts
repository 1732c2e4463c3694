import { isObject, type SchemaObject } from '../../grammar/schema/keywords.ts';
import { choiceOf, type GrammarSource, sequenceOf, textSource, untilAny, upTo } from '../../grammar/source.ts';
import {
  allowsText,
  alternativesOf,
  argumentSchemas,
  itemSchema,
  requiredNames,
  type SchemaCount,
} from './argument-schemas.ts';
import type { ElementSyntax } from './element-calls.ts';
import { writtenText } from './written-text.ts';

/**
 * Elements whose schema is enforced, of one call and of all calls of an answer, and how many of them are within each other:
 * schemas repeat themselves.
 */
const mostElements = { call: 512, answer: 4096 };
const deepest = 4;

/** The elements that may still be enforced in an answer. */
export const enforcedElements = (): SchemaCount => ({ left: mostElements.answer });

/** The arguments of a call as elements, in the order of their schema; those that are enforced are taken from `all`. */
export function elementArguments(syntax: ElementSyntax, schema: unknown, all: SchemaCount): GrammarSource {
  const most = Math.min(mostElements.call, all.left);
  const count = { left: most };
  const members = membersOf(syntax, schema, { depth: 0, count });
  all.left -= most - Math.max(0, count.left);
  return sequenceOf(...members);
}

interface Place {
  /** Elements around it. */
  readonly depth: number;
  readonly count: SchemaCount;
}

function membersOf(syntax: ElementSyntax, schema: unknown, place: Place): readonly GrammarSource[] {
  const required = requiredNames(schema);
  return Object.entries(argumentSchemas(schema)).map(([name, one]) => {
    const whole = elementOf(syntax, { ...place, name, schema: one });
    return required.has(name) ? whole : upTo(1, whole);
  });
}

interface Element extends Place {
  readonly name: string;
  readonly schema: unknown;
}

/** An element with values of its schema. The end of a text has no name in it, so that all texts have one rule. */
function elementOf(syntax: ElementSyntax, { name, schema, depth, count }: Element): GrammarSource {
  const [open, end] = [textSource(`${syntax.mark}<${name}>`), `${syntax.mark}</`];
  const around = (content: GrammarSource): GrammarSource => sequenceOf(open, content, textSource(`${end}${name}>`));
  const anything = sequenceOf(open, untilAny(`${end}${name}>`));
  count.left -= 1;
  if (!isObject(schema) || count.left < 0) return anything;
  const inner = { depth: depth + 1, count };
  const { type, properties } = schema;
  if (allowsText(schema) === true) return sequenceOf(open, writtenText(schema, [end]), textSource(`${name}>`));
  const alternatives = alternativesOf(schema, count);
  if (alternatives?.length)
    return choiceOf(...alternatives.map((one) => elementOf(syntax, { ...inner, name, schema: one })));
  // A value without elements of its own is read as JSON.
  const json = around({ kind: 'schema', schema, relaxed: true });
  if (isListed(schema) || depth > deepest) return json;
  if (type === 'array') {
    const item = elementOf(syntax, { ...inner, name: syntax.item, schema: itemSchema(schema) });
    return around({ kind: 'repeat', item, ...countsOf(schema) });
  }
  if (type === undefined && properties === undefined) return anything;
  const members = type === 'object' || type === undefined ? membersOf(syntax, schema, inner) : [];
  return members.length > 0 ? around(sequenceOf(...members)) : json;
}

/** Whether a schema lists its values, or those of its first items. */
const isListed = ({ const: only, enum: some, prefixItems, items }: SchemaObject): boolean =>
  only !== undefined || some !== undefined || prefixItems !== undefined || Array.isArray(items);

/** The fewest and the most items of a list; no most where that is fewer. */
function countsOf({ minItems, maxItems }: SchemaObject): { readonly min: number; readonly max: number | undefined } {
  const [least, max] = [minItems, maxItems].map((value) =>
    Number.isInteger(value) && (value as number) >= 0 ? (value as number) : undefined,
  );
  const min = least ?? 0;
  return { min, max: max !== undefined && max < min ? undefined : max };
}
