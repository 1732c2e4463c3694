import type { SchemaObject } from '../../grammar/schema/keywords.ts';
import { type GrammarSource, untilAny } from '../../grammar/source.ts';

/** Keywords that say which texts a schema allows. */
const ofTexts = ['enum', 'const', 'pattern', 'format', 'minLength', 'maxLength', 'anyOf', 'oneOf'];
const definitions = ['$defs', 'definitions'];

/** An argument that is taken as it is written, up to one of `ends`: the texts that its schema allows. */
export function writtenText(schema: SchemaObject, ends: readonly [string, ...string[]]): GrammarSource {
  const said = Object.entries(schema).filter(([name]) => ofTexts.includes(name));
  // Texts without bounds have one rule, whatever else is said of them.
  if (said.length === 0) return untilAny(...ends);
  const referred = Object.entries(schema).filter(([name]) => definitions.includes(name));
  return {
    kind: 'arguments',
    schema: { ...Object.fromEntries([...said, ...referred]), type: 'string' },
    notation: { ends },
    relaxed: true,
  };
}
