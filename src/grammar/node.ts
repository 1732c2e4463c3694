/** Code points from `first` to `last`, both included. */
export interface CharacterRange {
  readonly first: number;
  readonly last: number;
}

/** A named part of a grammar, which may contain itself. */
export interface Rule {
  readonly kind: 'rule';
  readonly name: string;
  /** Its texts; undefined until it is defined. */
  body: GrammarNode | undefined;
}

/** A set of texts. A grammar is the expression of all texts that it allows. */
export type GrammarNode =
  /** One character out of ranges. */
  | { readonly kind: 'characters'; readonly ranges: readonly CharacterRange[] }
  /** A text; a control token may stand for its name in it. */
  | { readonly kind: 'text'; readonly text: string }
  /** One token of the vocabulary, by its number or its name. */
  | { readonly kind: 'token'; readonly token: number | string; readonly place: string }
  /** The begin of a control token, whose name follows as text. */
  | { readonly kind: 'control' }
  | { readonly kind: 'sequence'; readonly items: readonly GrammarNode[] }
  /** One of the items; none at all is a set without texts. */
  | { readonly kind: 'choice'; readonly items: readonly GrammarNode[] }
  | { readonly kind: 'repeat'; readonly item: GrammarNode; readonly min: number; readonly max: number }
  | Rule;

const lastCodePoint = 0x10ffff;

/** The code point of a text's first character. */
export const pointOf = (character: string): number => character.codePointAt(0) as number;
/** The characters from one to another; by default only the first. */
export const range = (first: string, last: string = first): CharacterRange => ({
  first: pointOf(first),
  last: pointOf(last),
});

export const literal = (text: string): GrammarNode => ({ kind: 'text', text });
export const concat = (...items: readonly GrammarNode[]): GrammarNode => ({ kind: 'sequence', items });
export const choice = (...items: readonly GrammarNode[]): GrammarNode => ({ kind: 'choice', items });
/** The item, from `min` to `max` times: no text where that is fewer. */
export const repeat = (item: GrammarNode, min: number, max: number = Number.POSITIVE_INFINITY): GrammarNode =>
  min > max ? choice() : { kind: 'repeat', item, min, max };
export const maybe = (item: GrammarNode): GrammarNode => repeat(item, 0, 1);
export const characters = (...ranges: readonly CharacterRange[]): GrammarNode => ({ kind: 'characters', ranges });
/** True if a part has no text, whatever the rules in it are. */
export function isNever(node: GrammarNode): boolean {
  switch (node.kind) {
    case 'characters':
      return node.ranges.length === 0;
    case 'choice':
      return node.items.every(isNever);
    case 'sequence':
      return node.items.some(isNever);
    case 'repeat':
      return node.min > 0 && isNever(node.item);
    default:
      return false;
  }
}

/** The most times that texts which begin alike are parted: deeper grammars take too much of the stack. */
const mostPartings = 32;

/** One of several texts; those that begin alike are one reading up to where they differ. */
export function oneOfTexts(texts: readonly string[], partings = 0): GrammarNode {
  if (texts.length < 2 || partings > mostPartings) return choice(...texts.map(literal));
  const groups = new Map<number | undefined, string[]>();
  for (const text of texts) {
    const same = groups.get(text.codePointAt(0));
    if (same) same.push(text);
    else groups.set(text.codePointAt(0), [text]);
  }
  const nodes = [...groups.values()].map((group) => {
    const begin = commonBegin(group);
    if (group.length === 1 || begin === '') return literal(begin);
    const rests = group.map((text) => text.slice(begin.length));
    return concat(literal(begin), oneOfTexts(rests, partings + 1));
  });
  return choice(...nodes);
}

/** The characters that all texts begin with. */
function commonBegin([first = '', ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length -= 1;
  }
  // A character of two units is not parted.
  const isHalf = /[\ud800-\udbff]$/.test(first.slice(0, length)) && others.length > 0;
  return first.slice(0, isHalf ? length - 1 : length);
}

/** Ranges in their order, those that touch as one. */
function merged(ranges: readonly CharacterRange[]): readonly CharacterRange[] {
  const result: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = result.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else result.push({ first, last });
  }
  return result;
}

/** All characters but those of `ranges`. */
export function complement(ranges: readonly CharacterRange[]): readonly CharacterRange[] {
  const result: CharacterRange[] = [];
  let first = 0;
  for (const range of merged(ranges)) {
    if (range.first > first) result.push({ first, last: range.first - 1 });
    first = range.last + 1;
  }
  if (first <= lastCodePoint) result.push({ first, last: lastCodePoint });
  return result;
}

/** The parts of `ranges` that lie within one. */
export const intersection = (
  ranges: readonly CharacterRange[],
  { first, last }: CharacterRange,
): readonly CharacterRange[] =>
  ranges
    .map((range) => ({ first: Math.max(range.first, first), last: Math.min(range.last, last) }))
    .filter((range) => range.first <= range.last);
