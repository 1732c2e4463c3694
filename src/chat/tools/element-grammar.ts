import { isObject } from '../../grammar/schema/keywords.ts';
import { choiceOf, type GrammarSource, sequenceOf, textSource, untilAny, upTo } from '../../grammar/source.ts';
import { allowsText, alternativesOf, itemSchema, propertySchemas, requiredNames } from './argument-schemas.ts';
import type { ElementSyntax } from './element-calls.ts';
import { enforced } from './enforced.ts';

/** Elements within each other whose schema is enforced: a schema may refer to itself. */
const deepest = 4;

/** The arguments of a call as elements, in the order of their schema. */
export const elementArguments = (syntax: ElementSyntax, schema: unknown): GrammarSource =>
  sequenceOf(...membersOf(syntax, schema, 0));

function membersOf(syntax: ElementSyntax, schema: unknown, depth: number): readonly GrammarSource[] {
  const required = requiredNames(schema);
  return Object.entries(propertySchemas(schema)).map(([name, one]) => {
    const whole = elementOf(syntax, { name, schema: one, depth });
    return required.has(name) ? whole : upTo(1, whole);
  });
}

interface Element {
  readonly name: string;
  readonly schema: unknown;
  readonly depth: number;
}

/** An element with values of its schema. The end of a text has no name in it, so that all texts have one rule. */
function elementOf(syntax: ElementSyntax, { name, schema, depth }: Element): GrammarSource {
  const [open, end] = [textSource(`${syntax.mark}<${name}>`), `${syntax.mark}</`];
  const around = (content: GrammarSource): GrammarSource => sequenceOf(open, content, textSource(`${end}${name}>`));
  const anything = sequenceOf(open, untilAny(`${end}${name}>`));
  if (!isObject(schema) || depth > deepest) return anything;
  const { type, enum: values, minItems, maxItems } = schema;
  if (allowsText(schema) === true) {
    if (!Array.isArray(values)) return sequenceOf(open, untilAny(end), textSource(`${name}>`));
    return around(choiceOf(...values.map((value) => textSource(`${value}`))));
  }
  const alternatives = alternativesOf(schema);
  if (alternatives)
    return choiceOf(...alternatives.map((one) => elementOf(syntax, { name, schema: one, depth: depth + 1 })));
  if (type === 'array') {
    const item = elementOf(syntax, { name: syntax.item, schema: itemSchema(schema), depth: depth + 1 });
    return around({ kind: 'repeat', item, min: countOf(minItems) ?? 0, max: countOf(maxItems) });
  }
  if (type === 'object' || type === undefined) {
    const members = membersOf(syntax, schema, depth + 1);
    return members.length > 0 ? around(sequenceOf(...members)) : anything;
  }
  return around(enforced({ kind: 'schema', schema }, { kind: 'schema', schema: true }));
}

const countOf = (value: unknown): number | undefined =>
  Number.isInteger(value) ? Math.max(0, value as number) : undefined;
