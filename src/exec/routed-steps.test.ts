import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import type { Need } from '../pager/block.ts';
import type { PlacedNode } from './expert-steps.ts';
import { type GraphStep, routedSteps } from './routed-steps.ts';

const count = 30;
const nodes = Array.from({ length: count }, (_, i) => BigInt(100 + i));
const home = { lease: () => assert.fail() };
const need = (block: number): Need => ({ home, blocks: [block] });

/** Steps that end at these nodes, and one that each of them needs. */
const stepsOf = (ends: readonly number[]): readonly GraphStep[] =>
  [...ends, count].map((to, i) => {
    const from = ends[i - 1] ?? 0;
    return { from, to, graph: BigInt(from), allThreads: i % 2 === 0, needs: [need(from)], writes: [], share: 0 };
  });

/** A pass: products in rounds at some nodes, each of which begins a step, and groups that end at others. */
const anyCase = fc.record({
  ends: fc.uniqueArray(fc.integer({ min: 1, max: count - 1 }), { maxLength: 8 }),
  products: fc.uniqueArray(fc.nat(count - 2), { maxLength: 4 }),
  rounds: fc.integer({ min: 1, max: 3 }),
  stops: fc.uniqueArray(fc.integer({ min: 1, max: count - 1 }), { maxLength: 3 }),
});

function groupsOf({ products, rounds, stops }: { products: number[]; rounds: number; stops: number[] }) {
  const groups: PlacedNode[][] = [[]];
  for (const [index, node] of nodes.entries()) {
    if (stops.includes(index)) groups.push([]);
    if (!products.includes(index)) {
      groups.at(-1)?.push({ node, index, needs: [] });
      continue;
    }
    for (let round = 0; round < rounds; round += 1) {
      if (round > 0) groups.push([]);
      groups.at(-1)?.push({ node: BigInt(1000 + 10 * index + round), index, needs: [need(1000 + round)] });
      groups.at(-1)?.push({ node: BigInt(2000 + 10 * index + round), index, needs: [] });
    }
  }
  return groups.filter((group) => group.length > 0);
}

test('steps compute all nodes of the groups in order, none of two groups or of two steps', () => {
  fc.assert(
    fc.property(anyCase, (any) => {
      const ends = [...new Set([...any.ends, ...any.products, ...any.stops])].filter((end) => end > 0);
      const steps = stepsOf(ends.sort((a, b) => a - b));
      const groups = groupsOf(any);
      const asked: number[] = [];
      const lazily = function* (texts: number): Generator<readonly PlacedNode[], void> {
        assert.equal(texts, 3);
        for (const [i, group] of groups.entries()) {
          asked.push(i);
          yield group;
        }
      };
      const computed: bigint[] = [];
      const made = new Map<bigint, readonly bigint[]>();
      const graphOf = (some: readonly bigint[]): bigint => {
        made.set(BigInt(-made.size - 1), some);
        return BigInt(-made.size);
      };
      const seen: number[] = [];
      let share = 0;
      for (const step of routedSteps({ nodes, groups: lazily, graphOf }, steps, 3)) {
        const whole = steps.find(({ graph }) => graph === step.graph);
        const part = made.get(step.graph) ?? nodes.slice(whole?.from, whole?.to);
        computed.push(...part);
        assert.equal(
          computed.length,
          groups
            .slice(0, asked.length)
            .flat()
            .findLastIndex(({ node }) => node === part.at(-1)) + 1,
        );
        const numbers = step.needs.map(({ blocks }) => (blocks as readonly number[])[0] ?? assert.fail());
        seen.push(...numbers.filter((n) => n < 1000));
        // Each round is leased by the step that computes it.
        const rounds = part.filter((node) => node >= 1000n && node < 2000n).map((node) => 1000 + (Number(node) % 10));
        assert.deepEqual(
          numbers.filter((n) => n >= 1000),
          rounds,
        );
        // Weights of a step are leased by the part that has nodes of the graph itself.
        const own = steps.filter(({ from, to }) => nodes.slice(from, to).some((node) => part.includes(node)));
        assert.deepEqual(
          numbers.filter((n) => n < 1000),
          own.map(({ from }) => from),
        );
        assert.ok(step.share >= share);
        share = step.share;
      }
      assert.deepEqual(
        computed,
        groups.flat().map(({ node }) => node),
      );
      assert.equal(share, 1);
      assert.equal(new Set(seen).size, seen.length);
    }),
  );
});
