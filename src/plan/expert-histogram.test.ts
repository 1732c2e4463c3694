import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyTrace, skewedTrace, type Trace } from '../../test/support/routes.ts';
import { ExpertCache } from './expert-cache.ts';
import { hitsOf } from './hit-curve.ts';

const pairs = 6;

/** The share of uses that would hit in so many slots. */
const hitsWith =
  ({ histogram, experts }: ExpertCache) =>
  (slots: number): number =>
    hitsOf([histogram.curve])(slots, { experts, used: 1 });

/** The share of uses that hit, and those that the cache's histogram says. */
function run({ experts, used, batches }: Trace, slots: number) {
  const cache = new ExpertCache(experts, slots);
  const routings = batches.map((ids) => cache.route({ ids, used, pairs }));
  const sum = (key: 'hits' | 'asked'): number => routings.reduce((total, routing) => total + routing[key], 0);
  return { share: sum('hits') / sum('asked'), hits: hitsWith(cache) };
}

test('one run says exactly the hits of every other number of slots', () => {
  fc.assert(
    fc.property(anyTrace(1), fc.nat(20), fc.nat(20), (trace, more, others) => {
      const { hits } = run(trace, trace.used + more);
      const slots = trace.used + others;
      assert.equal(hits(slots), run(trace, slots).share);
    }),
  );
});

test('one run over skewed routes says them too, for the longest traces', () => {
  const trace = skewedTrace(7, 500);
  const { hits } = run(trace, 8);
  for (const slots of [8, 16, 40, 128]) assert.equal(hits(slots), run(trace, slots).share);
});

test('only batches of one token are recorded, while recording is on', () => {
  const cache = new ExpertCache(8, 4);
  const { histogram } = cache;
  cache.route({ ids: [0, 1, 2, 3], used: 2, pairs });
  assert.equal(histogram.curve.asked, 0);
  cache.route({ ids: [0, 1], used: 2, pairs });
  assert.deepEqual([histogram.curve.asked, hitsWith(cache)(8), hitsWith(cache)(0)], [2, 1, 0]);
  histogram.recording = false;
  cache.route({ ids: [4, 5], used: 2, pairs });
  histogram.recording = true;
  assert.equal(histogram.curve.asked, 2);
  // It follows the cache meanwhile.
  cache.route({ ids: [4, 5], used: 2, pairs });
  assert.deepEqual([histogram.curve.asked, hitsWith(cache)(8)], [4, 1]);
});
