import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyTrace, skewedTrace, type Trace } from '../../test/support/routes.ts';
import { ExpertCache } from './expert-cache.ts';

const pairs = 6;

/** The share of uses that hit, and the histogram of the cache. */
function run({ experts, used, batches }: Trace, slots: number) {
  const cache = new ExpertCache(experts, slots);
  const routings = batches.map((ids) => cache.route({ ids, used, pairs }));
  const sum = (key: 'hits' | 'asked'): number => routings.reduce((total, routing) => total + routing[key], 0);
  return { share: sum('hits') / sum('asked'), histogram: cache.histogram };
}

test('one run says exactly the hits of every other number of slots', () => {
  fc.assert(
    fc.property(anyTrace(1), fc.nat(20), fc.nat(20), (trace, more, others) => {
      const { histogram } = run(trace, trace.used + more);
      const slots = trace.used + others;
      assert.equal(histogram.hits(slots), run(trace, slots).share);
    }),
  );
});

test('one run over skewed routes says them too, for the longest traces', () => {
  const trace = skewedTrace(7, 500);
  const { histogram } = run(trace, 8);
  for (const slots of [8, 16, 40, 128]) assert.equal(histogram.hits(slots), run(trace, slots).share);
});

test('only batches of one token are recorded: a prompt says nothing about decoding', () => {
  const cache = new ExpertCache(8, 4);
  cache.route({ ids: [0, 1, 2, 3], used: 2, pairs });
  assert.equal(cache.histogram.hits(8), undefined);
  cache.route({ ids: [0, 1], used: 2, pairs });
  assert.equal(cache.histogram.hits(8), 1);
  assert.equal(cache.histogram.hits(0), 0);
});
