import { isObject, type SchemaObject } from '../../grammar/schema/keywords.ts';
import { type GrammarSource, untilAny } from '../../grammar/source.ts';

/** Keywords that say which texts a schema allows. */
const ofTexts = ['enum', 'const', 'pattern', 'format', 'minLength', 'maxLength', 'anyOf', 'oneOf'];
/** Keywords by which a schema may not allow all texts. */
const bounding = [...ofTexts, '$ref', 'allOf', 'not'];
const alternatives = ['anyOf', 'oneOf'];
const definitions = ['$defs', 'definitions'];

/** Whether one of several schemas allows any text. */
const hasAnyText = (schemas: unknown): boolean =>
  Array.isArray(schemas) &&
  schemas.some(
    (one) =>
      isObject(one) &&
      [one['type']].flat().includes('string') &&
      !Object.keys(one).some((name) => bounding.includes(name)),
  );

/** An argument that is taken as it is written, up to one of `ends`: the texts that its schema allows. */
export function writtenText(schema: SchemaObject, ends: readonly [string, ...string[]]): GrammarSource {
  const said = Object.entries(schema).filter(([name]) => ofTexts.includes(name));
  // Texts without bounds have one rule, whatever else is said of them.
  if (said.every(([name, value]) => alternatives.includes(name) && hasAnyText(value))) return untilAny(...ends);
  const referred = Object.entries(schema).filter(([name]) => definitions.includes(name));
  return {
    kind: 'arguments',
    schema: { ...Object.fromEntries([...said, ...referred]), type: 'string' },
    notation: { ends },
    relaxed: true,
  };
}
