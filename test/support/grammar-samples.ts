import type { GrammarNode, Rule } from '../../src/grammar/node.ts';

/** Rules within rules, from which on the shortest text is taken: it ends. */
const deep = 12;

/** A text of a grammar, chosen by `random`, which gives numbers from 0 to 1, less than 1; undefined if there is none. */
export function sampleOf(node: GrammarNode, random: () => number, depth = 0): string | undefined {
  const whole = (most: number): number => Math.floor(random() * (most + 1));
  const all = (items: readonly GrammarNode[]): string | undefined => {
    const texts = items.map((item) => sampleOf(item, random, depth));
    return texts.includes(undefined) ? undefined : texts.join('');
  };
  switch (node.kind) {
    case 'text':
      return node.text;
    case 'characters': {
      const range = node.ranges[whole(node.ranges.length - 1)];
      const code = range && range.first + whole(Math.min(range.last - range.first, 200));
      return code === undefined || (code >= 0xd800 && code <= 0xdfff) ? undefined : String.fromCodePoint(code);
    }
    case 'sequence':
      return all(node.items);
    case 'choice': {
      const first = whole(node.items.length - 1);
      for (let i = 0; i < node.items.length; i += 1) {
        const item = node.items[(first + i) % node.items.length];
        const text = item && sampleOf(item, random, depth);
        if (text !== undefined) return text;
      }
      return undefined;
    }
    case 'repeat':
      return all(new Array(node.min + whole(Math.min(3, node.max - node.min))).fill(node.item));
    case 'rule':
      return depth > deep ? shortestOf(node) : node.body && sampleOf(node.body, random, depth + 1);
    default:
      return undefined;
  }
}

const shortest: WeakMap<Rule, string> = new WeakMap();

/** The shortest text of a rule; undefined if it has none. */
function shortestOf(rule: Rule): string | undefined {
  const known = shortest.get(rule);
  if (known !== undefined) return known;
  const rules = new Set([rule]);
  const texts = new Map<Rule, string>();
  const textOf = (node: GrammarNode): string | undefined => {
    switch (node.kind) {
      case 'text':
        return node.text;
      case 'characters':
        return node.ranges[0] && String.fromCodePoint(node.ranges[0].first);
      case 'sequence': {
        const parts = node.items.map(textOf);
        return parts.includes(undefined) ? undefined : parts.join('');
      }
      case 'choice': {
        const some = node.items.map(textOf).filter((text) => text !== undefined);
        return some.sort((a, b) => a.length - b.length)[0];
      }
      case 'repeat': {
        const text = textOf(node.item);
        return node.min === 0 ? '' : text?.repeat(node.min);
      }
      case 'rule':
        rules.add(node);
        return shortest.get(node) ?? texts.get(node);
      default:
        return undefined;
    }
  };
  // The set grows while it is read, and each turn makes texts of more rules, or shorter ones.
  for (let changed = true; changed; ) {
    changed = false;
    for (const one of rules) {
      const text = one.body && textOf(one.body);
      const before = texts.get(one);
      if (text === undefined || (before !== undefined && before.length <= text.length)) continue;
      texts.set(one, text);
      changed = true;
    }
  }
  for (const [one, text] of texts) shortest.set(one, text);
  return texts.get(rule);
}
