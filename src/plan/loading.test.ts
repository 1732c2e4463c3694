import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { layLoadingRing, loadingOffset } from './loading.ts';
import { makePlan } from './make-plan.ts';
import type { Plan } from './plan.ts';

const page = 4096;
const MiB = 2 ** 20;

/** Twelve matrices of 1 MiB; what stays resident is converted where `converted` says so, the rest streams. */
function planFor(budget: number, converted: (index: number) => boolean): Plan {
  const weights = Array.from({ length: 12 }, (_, i) => weightOf(`m${i}`, 'f32', [512, 512], i * MiB));
  return makePlan({
    budget,
    context: 1,
    runtime: 0,
    kv: () => 0,
    page,
    manifest: weights.map((weight) => ({ weight, streamable: true })),
    compute: () => 0,
    converted: ({ weight, extent }) => (converted(weights.indexOf(weight)) ? extent.length : undefined),
  });
}

const residentsOf = (plan: Plan) => plan.slices.filter(({ id }) => plan.placements[id]?.kind !== 'ring');

test('residents as they are in the file are read to their place, converted ones around the ring', () => {
  const plan = planFor(20 * MiB, (i) => i % 2 === 1);
  assert.equal(plan.streamed.length, 0);
  const turns = layLoadingRing(plan, residentsOf(plan), 0, page);
  for (const [i, { memory, offset }] of turns.entries()) {
    const placement = plan.placements[i];
    if (placement?.kind === 'resident') assert.deepEqual([memory, offset], ['arena', placement.offset]);
    else assert.ok(memory === 'ring' && offset + MiB <= plan.shares.ring);
  }
  assert.ok(turns.some(({ memory }) => memory === 'arena') && turns.some(({ memory }) => memory === 'ring'));
});

test('while weights stream, residents are staged in the second half of the ring; otherwise in all of it', () => {
  const plan = planFor(9 * MiB, () => true);
  assert.ok(plan.streamed.length > 0);
  assert.deepEqual([loadingOffset(plan, false), loadingOffset(plan, true)], [0, plan.shares.ring / 2]);
  const residents = residentsOf(plan);
  for (const [i, { offset }] of layLoadingRing(plan, residents, plan.shares.ring / 2, page).entries()) {
    const bytes = residents[i]?.extent.length ?? 0;
    assert.ok(offset >= plan.shares.ring / 2 && offset + bytes <= plan.shares.ring);
  }
  const whole = planFor(20 * MiB, () => true);
  assert.equal(loadingOffset(whole, true), 0);
});
