import {
  type CharacterRange,
  characters,
  choice,
  complement,
  concat,
  type GrammarNode,
  literal,
  type Rule,
} from './node.ts';

/** Rules by the longest end of what has been written that one of the texts begins with. */
type Places = ReadonlyMap<string, Rule>;

/** Any text up to the first time that it ends with one of `ends`, which is part of it. None of them may be empty. */
export const untilText = (ends: readonly string[]): GrammarNode => freeText(ends, { after: literal('') });

/**
 * Any text; once it ends with one of `triggers`, it goes on with `after`. With `again`, any text follows that in the same
 * way.
 */
export function triggered(triggers: readonly string[], after: GrammarNode, again: boolean): GrammarNode {
  const free: Rule = { kind: 'rule', name: 'free', body: undefined };
  free.body = freeText(triggers, { after: again ? concat(after, free) : after, mayEnd: true });
  return free;
}

/** Any text that is searched for `ends` as Aho and Corasick do it: a rule for each begin of one of them. */
function freeText(
  ends: readonly string[],
  { after, mayEnd = false }: { after: GrammarNode; mayEnd?: boolean },
): GrammarNode {
  const wanted = ends.map((end) => Array.from(end));
  const begins = new Set(wanted.flatMap((end) => end.map((_, length) => end.slice(0, length).join(''))));
  const places: Places = new Map([...begins].map((begin) => [begin, { kind: 'rule', name: 'free', body: undefined }]));
  const alphabet = [...new Set(wanted.flat())];
  const start = places.get('') as Rule;
  const others = complement(alphabet.map(rangeOf));
  for (const [begin, rule] of places) {
    const next = alphabet.map((character) => {
      const written = begin + character;
      const goesOn = ends.some((end) => written.endsWith(end)) ? after : placeOf(written, places);
      return concat(literal(character), goesOn);
    });
    const other = concat(choice(characters(...others), { kind: 'control' }), start);
    rule.body = choice(...next, other, ...(mayEnd ? [literal('')] : []));
  }
  return start;
}

const rangeOf = (character: string): CharacterRange => {
  const point = character.codePointAt(0) as number;
  return { first: point, last: point };
};

/** The rule for the longest end of `written` that has one. */
function placeOf(written: string, places: Places): Rule {
  const characters = Array.from(written);
  for (let from = 0; from < characters.length; from += 1) {
    const rule = places.get(characters.slice(from).join(''));
    if (rule) return rule;
  }
  return places.get('') as Rule;
}
