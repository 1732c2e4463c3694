import { isObject } from '../../grammar/schema/keywords.ts';
import { choiceOf, type GrammarSource, sequenceOf, textSource, untilAny, upTo } from '../../grammar/source.ts';
import {
  allowsText,
  alternativesOf,
  itemSchema,
  propertySchemas,
  requiredNames,
  type SchemaCount,
} from './argument-schemas.ts';
import type { ElementSyntax } from './element-calls.ts';
import { enforced } from './enforced.ts';

/** Elements of one call whose schema is enforced, and how many of them are within each other: schemas repeat themselves. */
const mostElements = 512;
const deepest = 4;

/** The arguments of a call as elements, in the order of their schema. */
export const elementArguments = (syntax: ElementSyntax, schema: unknown): GrammarSource =>
  sequenceOf(...membersOf(syntax, schema, { depth: 0, count: { left: mostElements } }));

interface Place {
  /** Elements around it. */
  readonly depth: number;
  readonly count: SchemaCount;
}

function membersOf(syntax: ElementSyntax, schema: unknown, place: Place): readonly GrammarSource[] {
  const required = requiredNames(schema);
  return Object.entries(propertySchemas(schema)).map(([name, one]) => {
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
  if (!isObject(schema) || depth > deepest || count.left < 0) return anything;
  const inner = { depth: depth + 1, count };
  const { type, enum: values, minItems, maxItems } = schema;
  if (allowsText(schema) === true) {
    if (!Array.isArray(values)) return sequenceOf(open, untilAny(end), textSource(`${name}>`));
    return around(choiceOf(...values.map((value) => textSource(`${value}`))));
  }
  const alternatives = alternativesOf(schema, count);
  if (alternatives) return choiceOf(...alternatives.map((one) => elementOf(syntax, { ...inner, name, schema: one })));
  if (type === 'array') {
    const item = elementOf(syntax, { ...inner, name: syntax.item, schema: itemSchema(schema) });
    return around({ kind: 'repeat', item, min: countOf(minItems) ?? 0, max: countOf(maxItems) });
  }
  if (type === 'object' || type === undefined) {
    const members = membersOf(syntax, schema, inner);
    return members.length > 0 ? around(sequenceOf(...members)) : anything;
  }
  return around(enforced({ kind: 'schema', schema }, { kind: 'schema', schema: true }));
}

const countOf = (value: unknown): number | undefined =>
  Number.isInteger(value) ? Math.max(0, value as number) : undefined;
