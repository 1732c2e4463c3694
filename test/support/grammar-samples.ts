import type { GrammarNode } from '../../src/grammar/node.ts';

/** Rules within rules, from which on the last alternative is tried first: it mostly ends. */
const deep = 12;

/**
 * A text of a grammar, chosen by `random`, which gives numbers from 0 to 1, less than 1; undefined if the choices lead to
 * none.
 */
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
      const first = depth > deep ? node.items.length - 1 : whole(node.items.length - 1);
      for (let i = 0; i < node.items.length; i += 1) {
        const item = node.items[(first + i) % node.items.length];
        const text = item && sampleOf(item, random, depth);
        if (text !== undefined) return text;
      }
      return undefined;
    }
    case 'repeat':
      return all(new Array(node.min + (depth > deep ? 0 : whole(Math.min(3, node.max - node.min)))).fill(node.item));
    case 'rule':
      return node.body && sampleOf(node.body, random, depth + 1);
    default:
      throw new Error(`a ${node.kind} is no text`);
  }
}
