import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { at } from '../base/at.ts';
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

test('each expert is in one round, those that are present first and by rising count', () => {
  fc.assert(
    fc.property(anyCase, ({ routed, slots }) => {
      const rounds = divideIntoRounds(routed, { slots, pairs: maxPairs });
      const order = rounds.flat();
      assert.deepEqual(numbersOf(order).toSorted(), numbersOf(routed).toSorted());
      if (rounds.length === 1) return;
      const missing = order.findIndex(({ present }) => !present);
      const present = order.slice(0, missing < 0 ? order.length : missing);
      assert.ok(order.slice(present.length).every((expert) => !expert.present));
      for (const [i, { count }] of present.entries()) assert.ok(i === 0 || count >= at(present, i - 1).count);
    }),
  );
});

test('missing experts are dealt to their rounds: each has as many of the most used ones', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(100), { minLength: 9, maxLength: 100 }),
      fc.integer({ min: 2, max: 60 }),
      (counts, slots) => {
        const routed = counts.map((count, expert) => ({ expert, pairs: [0], present: false, count }));
        const rounds = divideIntoRounds(routed, { slots, pairs: maxPairs * routed.length });
        const byCount = routed.toSorted((a, b) => b.count - a.count || b.expert - a.expert);
        for (let few = 0; few <= byCount.length; few += 1) {
          const most = new Set(numbersOf(byCount.slice(0, few)));
          const shares = rounds.map((round) => numbersOf(round).filter((expert) => most.has(expert)).length);
          assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
        }
      },
    ),
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
      const missing = routed.filter(({ present }) => !present).length;
      const most = Math.max(1, Math.min(8, routed.length <= slots ? slots : Math.floor(slots / 2)));
      if (routed.every(({ pairs }) => most * pairs.length <= maxPairs)) {
        assert.ok(rounds.length <= Math.ceil((routed.length - missing) / most) + Math.ceil(missing / most));
      }
      if (missing === 0 || (missing === routed.length && missing <= most)) assert.equal(rounds.length, 1);
      for (const [i, round] of rounds.entries()) {
        const next = rounds[i + 1];
        if (!next || !round[0]?.present || !next[0]?.present) continue;
        assert.ok(round.length === most || pairsOf(round) + pairsOf(next.slice(0, 1)) > maxPairs);
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
