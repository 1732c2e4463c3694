import {
  type CharacterRange,
  characters,
  choice,
  complement,
  concat,
  type GrammarNode,
  literal,
  maybe,
  type Rule,
  range,
  repeat,
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

const beyondAscii: readonly CharacterRange[] = complement([{ first: 0, last: 0x7f }]);
/** Parts of grammars that are compiled once. */
const anyOther: Rule = { kind: 'rule', name: 'other', body: choice(characters(...beyondAscii), { kind: 'control' }) };
const anyText: Rule = {
  kind: 'rule',
  name: 'text',
  body: repeat(choice(characters(...complement([])), { kind: 'control' }), 0),
};

/** A begin of texts in ASCII, and what follows it. */
interface Branch {
  readonly start: string;
  readonly after: GrammarNode;
}

/** Any text; one that begins with the `start` of a branch goes on with its `after`. No start may begin with another. */
export const begunWith = (branches: readonly Branch[]): GrammarNode =>
  // A control token comes before its name.
  concat(maybe({ kind: 'control' }), beginsOf(branches));

function beginsOf(branches: readonly Branch[]): GrammarNode {
  const over = branches.find(({ start }) => start === '');
  if (over) return over.after;
  const heads = [...new Set(branches.map(({ start }) => Array.from(start)[0] as string))];
  const other = characters(...complement([...heads.map((head) => range(head)), ...beyondAscii]));
  return choice(
    literal(''),
    concat(choice(other, anyOther), anyText),
    ...heads.map((head) => {
      const begun = branches.filter(({ start }) => start.startsWith(head));
      const rest = begun.map(({ start, after }) => ({ start: start.slice(head.length), after }));
      return concat(literal(head), beginsOf(rest));
    }),
  );
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
  const others = complement(alphabet.map((character) => range(character)));
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

/** The rule for the longest end of `written` that has one. */
function placeOf(written: string, places: Places): Rule {
  const characters = Array.from(written);
  for (let from = 0; from < characters.length; from += 1) {
    const rule = places.get(characters.slice(from).join(''));
    if (rule) return rule;
  }
  return places.get('') as Rule;
}
