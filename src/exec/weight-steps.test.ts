import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { at } from '../base/at.ts';
import type { Placement, Plan } from '../plan/plan.ts';
import type { Slice } from '../plan/slices.ts';
import { divideIntoSteps } from '../plan/steps.ts';
import { awaitedUses } from './weight-steps.ts';

/** A plan of slices of which some stream, and a graph that reads the others anywhere. */
const anyPlan = fc
  .array(fc.record({ streams: fc.boolean(), pages: fc.integer({ min: 1, max: 9 }), early: fc.nat(9) }), {
    minLength: 1,
  })
  .map((weights) => {
    let order = 0;
    const placements = weights.map(
      ({ streams }): Placement => (streams ? { kind: 'ring', order: order++ } : { kind: 'resident', offset: 0 }),
    );
    const slices = weights.map(
      ({ pages }, id) => ({ id, extent: { file: 0, offset: 0, length: 4096 * pages } }) as Slice,
    );
    const streamed = [...slices.keys()].filter((id) => weights[id]?.streams);
    // Residents are read before slices that come before them in the plan.
    const read = [...weights.entries()].map(([slice, { streams, early }]) => ({
      slice,
      place: streams ? slice : slice - early,
    }));
    const uses = read.sort((a, b) => a.place - b.place).map(({ slice }, i) => ({ slice, node: 2 * i }));
    return { plan: { placements, slices, streamed } satisfies Partial<Plan>, uses };
  });

test('while residents are loaded, each node comes in the step that has its slice, whatever the order of small weights', () => {
  fc.assert(
    fc.property(anyPlan, fc.integer({ min: 1, max: 12 }), ({ plan, uses }, pages) => {
      const awaited = awaitedUses(plan, uses, 'loading');
      assert.deepEqual(
        [...awaited.map(({ slice }) => slice)].sort((a, b) => a - b),
        [...plan.slices.keys()],
      );
      const steps = divideIntoSteps(awaited, 2 * uses.length, { maxBytes: 4096 * pages });
      for (const { slice, node } of uses) {
        const step = steps.find(({ from, to }) => from <= node && node < to);
        assert.ok(step?.slices.includes(slice), `${slice}`);
      }
      const ring = steps.flatMap((step) => step.slices).filter((id) => at(plan.placements, id).kind === 'ring');
      assert.deepEqual(ring, plan.streamed);
    }),
  );
});
