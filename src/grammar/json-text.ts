import {
  type CharacterRange,
  characters,
  choice,
  complement,
  concat,
  type GrammarNode,
  intersection,
  literal,
  maybe,
  type Rule,
  range,
  repeat,
} from './node.ts';

/** A part of JSON that many others contain, compiled once. */
export function ruleOnce(name: string, body: (self: Rule) => GrammarNode): Rule {
  const rule: Rule = { kind: 'rule', name, body: undefined };
  rule.body = body(rule);
  return rule;
}

const digit: GrammarNode = characters(range('0', '9'));
const hex = characters(range('0', '9'), range('a', 'f'), range('A', 'F'));

/** Blanks between the parts of a value: none, one, or a line and its indentation; more would be an answer without end. */
export const blank: Rule = ruleOnce('blank', () =>
  maybe(choice(literal(' '), concat(literal('\n'), repeat(characters(range(' '), range('\t')), 0, 20)))),
);

/** Characters that a string cannot have as they are. */
const escaped: readonly CharacterRange[] = [range('\0', '\x1f'), range('"'), range('\\')];
const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/** One character of a string, in any of its forms. */
const anyCharacter: Rule = ruleOnce('character', () =>
  choice(
    characters(...complement(escaped)),
    concat(
      literal('\\'),
      choice(
        characters(...Array.from('"\\/bfnrt', (one) => range(one))),
        concat(
          literal('u'),
          characters(range('0', '9'), range('a', 'c'), range('A', 'C'), range('e', 'f'), range('E', 'F')),
          repeat(hex, 3, 3),
        ),
        concat(literal('u'), choice(literal('d'), literal('D')), characters(range('0', '7')), repeat(hex, 2, 2)),
        // Characters that UTF-16 writes as two.
        concat(
          literal('u'),
          choice(literal('d'), literal('D')),
          characters(range('8', '9'), range('a', 'b'), range('A', 'B')),
          repeat(hex, 2, 2),
          literal('\\u'),
          choice(literal('d'), literal('D')),
          characters(range('c', 'f'), range('C', 'F')),
          repeat(hex, 2, 2),
        ),
      ),
    ),
  ),
);

/** One character of a string out of `ranges`, as it is where it can be, else in its shortest form. */
export function stringCharacter(ranges: readonly CharacterRange[]): GrammarNode {
  const escapes = escaped.flatMap((some) =>
    intersection(ranges, some).flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => {
        const character = String.fromCodePoint(first + i);
        return literal(shortEscapes[character] ?? JSON.stringify(character).slice(1, -1));
      }),
    ),
  );
  const raw = complement(escaped).flatMap((some) => intersection(ranges, some));
  return choice(...(raw.length > 0 ? [characters(...raw)] : []), ...escapes);
}

export const quoted = (content: GrammarNode): GrammarNode => concat(literal('"'), content, literal('"'));

export const stringOf = (min: number, max: number): GrammarNode => quoted(repeat(anyCharacter, min, max));

export const anyString: Rule = ruleOnce('string', () => stringOf(0, Number.POSITIVE_INFINITY));

/** A string that is none of `words`. */
export const stringWithout = (words: readonly string[]): GrammarNode =>
  words.length === 0 ? anyString : quoted(textWithout(words.map((word) => Array.from(word))));

/** A text that is none of `words`. It has no escapes up to where it differs: they would write the same text in other ways. */
function textWithout(words: readonly (readonly string[])[]): GrammarNode {
  const firsts = [...new Set(words.flatMap(([first]) => first ?? []))];
  const others = complement([...firsts.map((first) => range(first)), ...escaped]);
  return choice(
    ...(words.some((word) => word.length === 0) ? [] : [literal('')]),
    concat(characters(...others), repeat(anyCharacter, 0)),
    ...firsts.map((first) => {
      const rest = words.filter((word) => word[0] === first).map((word) => word.slice(1));
      return concat(stringCharacter([range(first)]), textWithout(rest));
    }),
  );
}

/** The most digits of a number's parts: as many as a number of 64 bits keeps. */
const mostDigits = 15;
export const wholeNumber: Rule = ruleOnce('integer', () =>
  concat(
    maybe(literal('-')),
    choice(literal('0'), concat(characters(range('1', '9')), repeat(digit, 0, mostDigits - 1))),
  ),
);
export const anyNumber: Rule = ruleOnce('number', () =>
  concat(
    wholeNumber,
    maybe(concat(literal('.'), repeat(digit, 1, mostDigits))),
    maybe(concat(choice(literal('e'), literal('E')), maybe(choice(literal('+'), literal('-'))), repeat(digit, 1, 2))),
  ),
);

/** Parts with commas between them, in brackets; each item begins and ends with blanks where they may be. */
export const bracketed = (open: string, content: GrammarNode, close: string): GrammarNode =>
  concat(literal(open), blank, content, literal(close));

/** From `min` to `max` items, with commas between them. */
export function listed(item: GrammarNode, min: number, max: number): GrammarNode {
  if (max === 0) return literal('');
  // A rule, since two ways lead to it.
  const one = item.kind === 'rule' ? item : ruleOnce('item', () => item);
  const items = concat(one, repeat(concat(comma, one), Math.max(0, min - 1), max - 1), blank);
  return min === 0 ? maybe(items) : items;
}

export const comma: GrammarNode = concat(literal(','), blank);
export const member = (key: GrammarNode, value: GrammarNode): GrammarNode => concat(key, literal(':'), blank, value);
