import { untilText } from './free-text.ts';
import {
  anyNumber,
  anyString,
  blank,
  bracketed,
  comma,
  listed,
  member,
  quoted,
  ruleOnce,
  stringCharacter,
  stringOf,
  stringWithout,
} from './json-text.ts';
import {
  type CharacterRange,
  characters,
  choice,
  complement,
  concat,
  type GrammarNode,
  literal,
  range,
  repeat,
} from './node.ts';

/** The way in which values are written: JSON, or what looks like it. */
export interface Notation {
  readonly constants: { readonly true: string; readonly false: string; readonly null: string };
  readonly anyString: GrammarNode;
  readonly anyValue: GrammarNode;
  readonly anyObject: GrammarNode;
  /** A string of `min` to `max` characters. */
  stringOf(min: number, max: number): GrammarNode;
  /** This string. */
  string(text: string): GrammarNode;
  quoted(content: GrammarNode): GrammarNode;
  /** One character of a string. */
  character(ranges: readonly CharacterRange[]): GrammarNode;
  key(name: string): GrammarNode;
  /** A key that is none of `names`. */
  otherKey(names: readonly string[]): GrammarNode;
}

type Words = Omit<Notation, 'anyValue' | 'anyObject'>;

const objectOf = (value: GrammarNode, { otherKey }: Words): GrammarNode =>
  bracketed('{', listed(member(otherKey([]), value), 0, Number.POSITIVE_INFINITY), '}');

/** Any value, whose strings and keys a notation writes in its way. */
const anyValueIn = (words: Words): GrammarNode =>
  ruleOnce('value', (self) =>
    choice(
      objectOf(self, words),
      bracketed('[', listed(self, 0, Number.POSITIVE_INFINITY), ']'),
      words.anyString,
      anyNumber,
      ...Object.values(words.constants).map(literal),
    ),
  );

function withAnyValue(words: Words): Notation {
  const anyValue = anyValueIn(words);
  return { ...words, anyValue, anyObject: ruleOnce('object', () => objectOf(anyValue, words)) };
}

const jsonStrings = {
  constants: { true: 'true', false: 'false', null: 'null' },
  anyString,
  stringOf,
  string: (text: string) => literal(JSON.stringify(text)),
  quoted,
  character: stringCharacter,
  key: (name: string) => literal(JSON.stringify(name)),
  otherKey: stringWithout,
};

export const json: Notation = withAnyValue(jsonStrings);

/** Values of Python, whose strings are written as those of JSON. */
export const python: Notation = withAnyValue({
  ...jsonStrings,
  constants: { true: 'True', false: 'False', null: 'None' },
});

const keyCharacters = characters(range('0', '9'), range('A', 'Z'), range('_'), range('a', 'z'));

/** Strings without escapes between `begin` and one of `ends`. */
function bareStrings(begin: string, ends: readonly [string, ...string[]]): Words {
  const firsts = ends.flatMap(([first]) => (first === undefined ? [] : [range(first)]));
  const between = (content: GrammarNode): GrammarNode => concat(literal(begin), content, literal(ends[0]));
  // A string whose length or characters are bounded has no begin of an end.
  const character = (ranges: readonly CharacterRange[]): GrammarNode =>
    characters(...complement([...complement(ranges), ...firsts]));
  return {
    constants: jsonStrings.constants,
    anyString: ruleOnce('string', () => concat(literal(begin), untilText(ends))),
    stringOf: (min, max) => between(repeat(character(complement([])), min, max)),
    string: (text) => between(literal(text)),
    quoted: between,
    character,
    key: literal,
    otherKey: () => repeat(keyCharacters, 1),
  };
}

/** Strings between a text of their own, without escapes, and keys as they are: `{city:<|"|>Oslo<|"|>}`. */
export const bareKeys = (quote: string): Notation => withAnyValue(bareStrings(quote, [quote]));

/** Nothing but strings as they are, up to one of `ends`: `Oslo</parameter>`. */
export function textUntil(ends: readonly [string, ...string[]]): Notation {
  const words = bareStrings('', ends);
  return { ...words, anyValue: words.anyString, anyObject: words.anyString };
}

/** A value as a notation writes it, with blanks where they may be. */
export function constant(value: unknown, notation: Notation): GrammarNode {
  if (typeof value === 'string') return notation.string(value);
  if (typeof value === 'boolean') return literal(notation.constants[`${value}`]);
  if (value === null) return literal(notation.constants.null);
  if (typeof value !== 'object') return literal(JSON.stringify(value));
  const [open, close, items] = Array.isArray(value)
    ? (['[', ']', value.map((one) => constant(one, notation))] as const)
    : ([
        '{',
        '}',
        Object.entries(value).map(([key, one]) => member(notation.key(key), constant(one, notation))),
      ] as const);
  const separated = items.flatMap((item, i) => (i === 0 ? [item] : [comma, item]));
  return bracketed(open, items.length === 0 ? literal('') : concat(...separated, blank), close);
}
