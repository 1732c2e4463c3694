import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import type { GrammarNode } from './node.ts';
import { choiceOf, type GrammarSource, grammarOf } from './source.ts';

/** Parts of a grammar, each once: what it took to make it. */
function partsOf(grammar: GrammarNode): number {
  const found = new Set<GrammarNode>([grammar]);
  for (const node of found) {
    if (node.kind === 'sequence' || node.kind === 'choice') for (const item of node.items) found.add(item);
    else if (node.kind === 'repeat') found.add(node.item);
    else if (node.kind === 'rule' && node.body) found.add(node.body);
  }
  return found.size;
}

/** A schema of some kilobytes that becomes as large as is allowed: each level refers to the next one twice. */
function doubling(number: number): object {
  const next = (level: number): object => ({ allOf: [{ $ref: `#/$defs/d${level + 1}` }, { minProperties: 0 }] });
  const levels = Array.from({ length: 24 }, (_, i) => [
    `d${i}`,
    i === 23 ? { type: 'string' } : { type: 'object', properties: { a: next(i), b: next(i) } },
  ]);
  return { properties: { [`x${number}`]: { $ref: '#/$defs/d0' } }, $defs: Object.fromEntries(levels) };
}

const schemas = (count: number, relaxed: boolean): GrammarSource =>
  choiceOf(...Array.from({ length: count }, (_, i) => ({ kind: 'schema', schema: doubling(i), relaxed }) as const));

test('schemas of one grammar are compiled with the work that one may take, however many they are', () => {
  const [one, many] = [1, 100].map((count) => partsOf(grammarOf(schemas(count, true))));
  assert.ok(one !== undefined && many !== undefined && many < 2 * one, `${many} parts instead of ${one}`);
  assert.throws(() => grammarOf(schemas(100, false)), engineError('BAD_GRAMMAR'));
});
