import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { divideIntoRounds, type RoutedExpert } from './expert-rounds.ts';

const maxPairs = 6;

const anyRouted = fc
  .array(
    fc.record({
      pairs: fc.integer({ min: 1, max: maxPairs }).map((n) => Array.from({ length: n }, (_, i) => i)),
      present: fc.boolean(),
      count: fc.nat(5),
    }),
    { minLength: 1, maxLength: 20 },
  )
  .map((list) => list.map((one, expert): RoutedExpert => ({ expert, ...one })));
const anyCase = fc
  .record({ routed: anyRouted, more: fc.integer({ min: -20, max: 20 }) })
  // No more experts are present than there are slots.
  .map(({ routed, more }) => ({
    routed,
    slots: Math.max(1, routed.length + more, routed.filter(({ present }) => present).length),
  }));

const numbersOf = (experts: readonly RoutedExpert[]): readonly number[] => experts.map(({ expert }) => expert);
const pairsOf = (experts: readonly RoutedExpert[]): number => experts.flatMap(({ pairs }) => pairs).length;

test('each expert is in one round, those that are present first, the others by rising count', () => {
  fc.assert(
    fc.property(anyCase, ({ routed, slots }) => {
      const rounds = divideIntoRounds(routed, { slots, pairs: maxPairs });
      const order = rounds.flat();
      assert.deepEqual(numbersOf(order).toSorted(), numbersOf(routed).toSorted());
      if (rounds.length === 1) return;
      const missing = order.findIndex(({ present }) => !present);
      const present = missing < 0 ? order.length : missing;
      assert.ok(order.slice(present).every((expert) => !expert.present));
      for (const [i, { count }] of order.slice(present).entries()) {
        assert.ok(i === 0 || count >= (order[present + i - 1]?.count ?? 0));
      }
    }),
  );
});

test('where not all experts have a slot, two rounds in turn do, and none has too many pairs', () => {
  fc.assert(
    fc.property(anyCase, ({ routed, slots }) => {
      fc.pre(routed.length > slots);
      const rounds = divideIntoRounds(routed, { slots, pairs: maxPairs });
      for (const [i, round] of rounds.entries()) {
        assert.ok(round.length > 0 && pairsOf(round) <= maxPairs);
        assert.ok(slots === 1 ? round.length === 1 : round.length + (rounds[i + 1]?.length ?? 0) <= slots);
      }
    }),
  );
});

test('a batch makes no more rounds than its pairs, its slots and its missing experts ask for', () => {
  fc.assert(
    fc.property(anyCase, ({ routed, slots }) => {
      const rounds = divideIntoRounds(routed, { slots, pairs: maxPairs });
      const kinds = new Set(routed.map(({ present }) => present)).size;
      if (routed.length <= slots && kinds === 1) assert.equal(rounds.length, 1);
      for (const [i, round] of rounds.entries()) {
        const next = rounds[i + 1];
        if (!next || next[0]?.present !== round[0]?.present) continue;
        const full = routed.length > slots && round.length === Math.max(1, Math.floor(slots / 2));
        assert.ok(full || pairsOf(round) + pairsOf(next.slice(0, 1)) > maxPairs);
      }
    }),
  );
});

test('an expert with more pairs than can be computed at once is refused', () => {
  const routed = [false, true].map((present, expert) => ({ expert, pairs: [0, 1, 2], present, count: 1 }));
  assert.throws(() => divideIntoRounds(routed, { slots: 2, pairs: 2 }), RangeError);
});

test('no experts make one empty round', () => {
  assert.deepEqual(divideIntoRounds([], { slots: 1, pairs: 1 }), [[]]);
});
