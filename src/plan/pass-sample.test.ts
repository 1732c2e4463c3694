import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand } from '../../test/support/demands.ts';
import { at } from '../base/at.ts';
import { makePlan } from './make-plan.ts';
import { expertSample, type PassSample, ringSample } from './pass-sample.ts';
import { pageSpanOf } from './slices.ts';

const page = 4096;
const anyPlan = anyDemand.map(makePlan);

/** Reads and computes a sample twice over: no bytes are overwritten before they were computed on, and no read waits for ever. */
function goesRound({ matrices, segments, bytes, steps }: PassSample): void {
  const [count, places] = [matrices.length, new Map<number, number>()];
  assert.deepEqual([steps[0]?.from, steps.at(-1)?.to, segments.length], [0, count, count]);
  const spanOf = (k: number) => {
    const [{ offset }, { extent }] = [at(segments, k % count), at(matrices, k % count)];
    return { from: offset, to: offset + pageSpanOf(extent, page).bytes };
  };
  let [read, freed] = [0, 0];
  for (const [round, { from, to }] of [0, 1].flatMap((round) => steps.map((step) => [round, step] as const))) {
    while (read < 2 * count && read - at(segments, read % count).after < freed) {
      const span = spanOf(read);
      assert.ok(span.to <= bytes);
      for (const k of places.keys()) {
        const other = spanOf(k);
        assert.ok(k < freed || other.to <= span.from || span.to <= other.from, 'bytes that are needed stay');
      }
      places.set(read, read);
      read += 1;
    }
    assert.ok(read >= round * count + to, 'a step has what it waits for');
    freed = round * count + to;
    assert.ok(from < to);
  }
}

test('a part of a pass is read around the ring as passes are, and takes no more memory', () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const sample = ringSample(plan, page);
      assert.equal(sample === undefined, plan.streamed.length === 0);
      if (!sample) return;
      assert.equal(sample.bytes, plan.shares.ring);
      for (const [i, { extent }] of sample.matrices.entries())
        assert.equal(extent, at(plan.slices, at(plan.streamed, i)).extent);
      goesRound(sample);
    }),
    { numRuns: 50 },
  );
});

test('experts that are missing are waited for layer by layer, each read once those before were computed', () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const sample = expertSample(plan, page);
      assert.equal(sample === undefined, plan.experts === undefined);
      if (!sample || !plan.experts) return;
      goesRound(sample);
      const { banks, slots } = plan.experts;
      for (const [layer, { from, to }] of sample.steps.entries()) {
        const { weights, used } = at(banks, layer);
        const experts = (to - from) / weights.length;
        assert.ok(experts >= 1 && experts <= Math.max(1, Math.min(slots, used)));
        for (const [i, { extent }] of sample.matrices.slice(from, to).entries()) {
          const whole = at(weights, i % weights.length).extent;
          assert.ok(extent.offset >= whole.offset && extent.offset + extent.length <= whole.offset + whole.length);
        }
      }
    }),
    { numRuns: 50 },
  );
});
