import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyTrace, lruHits, referenceHits, skewedTrace, type Trace } from '../../test/support/routes.ts';
import { ExpertCache, type Routing } from './expert-cache.ts';

/** Pairs of a round: no expert of these traces has more in a batch. */
const pairs = 6;

const anyCase = fc.record({ trace: anyTrace(pairs), slots: fc.integer({ min: 1, max: 26 }) });

function replay({ experts, used, batches }: Trace, slots: number): readonly Routing[] {
  const cache = new ExpertCache(experts, slots);
  return batches.map((ids) => cache.route({ ids, used, pairs }));
}

const hitsOf = (routings: readonly Routing[]): number => routings.reduce((sum, { hits }) => sum + hits, 0);

/** A layer's slots as bytes: its reads begin as early, or as late, as they may, and rounds are computed in between. */
class Memory {
  readonly content: number[];
  readonly #computing: (round: number) => ReadonlySet<number>;

  constructor(slots: number, { rounds }: Routing, { before, late }: { before?: Memory | undefined; late: boolean }) {
    this.content = before ? [...before.content] : Array.from({ length: slots }, () => -1);
    this.#computing = (round) => new Set(rounds[round]?.slots);
    const read = new Set<number>();
    for (const [i, { experts, pairs, slots, loads }] of rounds.entries()) {
      // All reads that may be under way while this round is computed: of this one, and of later ones.
      const free = late ? loads : rounds.slice(i).flatMap((later) => later.loads.filter(({ after }) => after < i));
      for (const { expert, slot, after } of free) {
        assert.ok(after < i, 'a round waits for nothing that comes after it');
        if (read.has(expert)) continue;
        read.add(expert);
        this.content[slot] = expert;
      }
      for (const { expert, slot } of experts) assert.equal(this.content[slot], expert, `round ${i} finds its experts`);
      const used = new Set(experts.map(({ slot }) => slot));
      assert.ok(slots.length === pairs.length && slots.every((slot) => used.has(slot)));
    }
    for (const [i, { loads }] of rounds.entries()) {
      for (const { slot, after } of loads) {
        // The round before is computed while this one is read, unless there is one slot only.
        if (slots > 1 && i > 0) assert.ok(after < i - 1 && !this.#computing(i - 1).has(slot));
      }
    }
  }
}

test('each pair is computed once, with the expert that it was routed to, however early or late reads begin', () => {
  fc.assert(
    fc.property(anyCase, ({ trace: { experts, used, batches }, slots }) => {
      const cache = new ExpertCache(experts, slots);
      let [early, late]: (Memory | undefined)[] = [];
      for (const ids of batches) {
        const routing = cache.route({ ids, used, pairs });
        early = new Memory(slots, routing, { before: early, late: false });
        late = new Memory(slots, routing, { before: late, late: true });
        const computed = routing.rounds.flatMap((round) => round.pairs);
        assert.deepEqual(
          computed.toSorted((a, b) => a - b),
          [...ids.keys()],
        );
        for (const round of routing.rounds) {
          assert.deepEqual(
            round.pairs,
            round.pairs.toSorted((a, b) => a - b),
          );
          for (const [i, pair] of round.pairs.entries()) {
            const placed = round.experts.find(({ expert }) => expert === ids[pair]);
            assert.equal(round.slots[i], placed?.slot ?? assert.fail());
          }
        }
        const held = Array.from({ length: slots }, (_, slot) => cache.expertIn(slot));
        assert.deepEqual(early.content, held);
        assert.deepEqual(late.content, held);
        assert.equal(new Set(held.filter((e) => e >= 0)).size, held.filter((e) => e >= 0).length);
      }
    }),
  );
});

test('each expert is read at most once a batch, and only if it is in no slot', () => {
  fc.assert(
    fc.property(anyCase, ({ trace, slots }) => {
      for (const { asked, hits, rounds } of replay(trace, slots)) {
        const read = rounds.flatMap(({ loads }) => loads.map(({ expert }) => expert));
        assert.equal(new Set(read).size, read.length);
        assert.equal(asked, hits + read.length);
      }
    }),
  );
});

test('a trace of routes gives the same decisions again', () => {
  fc.assert(
    fc.property(anyCase, ({ trace, slots }) => {
      assert.deepEqual(replay(trace, slots), replay(trace, slots));
    }),
  );
});

test('hits of single tokens are those of a reference that follows the words of the rule', () => {
  fc.assert(
    fc.property(anyTrace(1), fc.nat(20), (trace, more) => {
      const slots = trace.used + more;
      assert.equal(hitsOf(replay(trace, slots)), referenceHits(trace, slots));
    }),
  );
});

test('as many slots as a token uses are enough for a repeated token to find all of its experts', () => {
  fc.assert(
    fc.property(anyCase, ({ trace: { experts, used, batches }, slots }) => {
      const cache = new ExpertCache(experts, Math.max(used, slots));
      for (const ids of batches) {
        const token = ids.slice(0, used);
        cache.route({ ids, used, pairs });
        cache.route({ ids: token, used, pairs });
        assert.equal(cache.route({ ids: token, used, pairs }).hits, used);
      }
    }),
  );
});

test('on skewed routes there are at least as many hits as least recently used experts would give', () => {
  for (let seed = 1; seed <= 4; seed += 1) {
    const trace = skewedTrace(seed, 600);
    for (const slots of [8, 16, 32]) {
      const hits = hitsOf(replay(trace, slots));
      assert.ok(hits >= lruHits(trace, slots), `seed ${seed}, ${slots} slots`);
    }
  }
});

test('one slot serves every batch', () => {
  fc.assert(
    fc.property(anyTrace(pairs), (trace) => {
      for (const { rounds } of replay(trace, 1)) {
        for (const { experts, slots } of rounds) {
          assert.equal(experts.length, 1);
          assert.ok(slots.every((slot) => slot === 0));
        }
      }
    }),
  );
});

test('an expert whose slot is emptied is read again', () => {
  const cache = new ExpertCache(4, 2);
  cache.route({ ids: [0, 1], used: 2, pairs });
  const slot = [0, 1].find((i) => cache.expertIn(i) === 1) ?? assert.fail();
  cache.clear(slot);
  assert.equal(cache.expertIn(slot), -1);
  const { hits, rounds } = cache.route({ ids: [0, 1], used: 2, pairs });
  assert.equal(hits, 1);
  assert.deepEqual(
    rounds.flatMap(({ loads }) => loads),
    [{ expert: 1, slot, after: -1 }],
  );
});

test('ids that are no experts are refused, and nothing is counted', () => {
  const cache = new ExpertCache(4, 2);
  for (const id of [-1, 4, Number.NaN, 2 ** 31 - 1]) {
    assert.throws(() => cache.route({ ids: [0, id], used: 2, pairs }), RangeError);
  }
  assert.deepEqual(
    cache.route({ ids: [0, 1], used: 2, pairs }),
    new ExpertCache(4, 2).route({ ids: [0, 1], used: 2, pairs }),
  );
});
