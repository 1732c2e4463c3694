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

/** Any value, whose strings and keys a notation writes in its way. */
const anyValueIn = ({ constants, anyString, otherKey }: Omit<Notation, 'anyValue'>): GrammarNode =>
  ruleOnce('value', (self) =>
    choice(
      bracketed('{', listed(member(otherKey([]), self), 0, Number.POSITIVE_INFINITY), '}'),
      bracketed('[', listed(self, 0, Number.POSITIVE_INFINITY), ']'),
      anyString,
      anyNumber,
      ...Object.values(constants).map(literal),
    ),
  );

const withAnyValue = (notation: Omit<Notation, 'anyValue'>): Notation => ({
  ...notation,
  anyValue: anyValueIn(notation),
});

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

/** Strings between a text of their own, without escapes, and keys as they are: `{city:<|"|>Oslo<|"|>}`. */
export function bareKeys(quote: string): Notation {
  const [first = ''] = quote;
  const between = (content: GrammarNode): GrammarNode => concat(literal(quote), content, literal(quote));
  // A string whose length or characters are bounded has no begin of a quote.
  const character = (ranges: readonly CharacterRange[]): GrammarNode =>
    characters(...complement([...complement(ranges), range(first)]));
  return withAnyValue({
    constants: jsonStrings.constants,
    anyString: ruleOnce('string', () => concat(literal(quote), untilText([quote]))),
    stringOf: (min, max) => between(repeat(character(complement([])), min, max)),
    string: (text) => between(literal(text)),
    quoted: between,
    character,
    key: literal,
    otherKey: () => repeat(keyCharacters, 1),
  });
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

export const anyObject: GrammarNode = ruleOnce('object', () =>
  bracketed('{', listed(member(anyString, json.anyValue), 0, Number.POSITIVE_INFINITY), '}'),
);
