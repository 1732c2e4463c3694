import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand, page } from '../../test/support/demands.ts';
import { ExpertDemand } from './expert-demand.ts';
import { slotBytes } from './expert-slots.ts';
import { makePlan } from './make-plan.ts';
import { type Demand, type Plan, planBytes } from './plan.ts';
import { pageSpanOf } from './slices.ts';

const holds = (check: (demand: Demand, plan: Plan) => void): void =>
  fc.assert(fc.property(anyDemand, (demand) => check(demand, makePlan(demand))));

test('experts have slots where not all fit: one of each router at least, as many for all, and no more than were asked for', () => {
  holds(({ manifest, expertCache, ...demand }, plan) => {
    const banks = manifest.filter(({ experts }) => experts);
    const { slots = 0, banks: routed = [] } = plan.experts ?? {};
    for (const { weight, experts } of banks) {
      const placement = plan.placements[plan.slices.findIndex((slice) => slice.weight === weight)];
      if (plan.experts) assert.deepEqual(placement, { kind: 'experts' });
      else assert.ok(placement?.kind === 'resident' || placement?.kind === 'converted');
      assert.ok(experts && (!plan.experts || (slots >= 1 && routed.some(({ used }) => used === experts.used))));
    }
    if (!plan.experts) return;
    const most = Math.max(...routed.map(({ experts }) => experts));
    assert.ok(slots <= most);
    if (expertCache !== undefined) assert.ok(slots === 1 || slotBytes(routed, slots, page) <= expertCache);
    else if (slots < most) {
      const more = new ExpertDemand(manifest, page).bytes(slots + 1, plan.batch) - plan.shares.experts;
      assert.ok(more > demand.budget - planBytes(plan), 'what is left over would be another slot');
    }
  });
});

test('no slot beside the first of each router is given to experts where a weight that every token uses would fit', () => {
  holds((demand, plan) => {
    if (!plan.experts || demand.expertCache !== undefined) return;
    const needs = new ExpertDemand(demand.manifest, page);
    const beside = plan.shares.experts - needs.bytes(1, plan.batch);
    for (const id of plan.streamed) {
      const slice = plan.slices[id] ?? assert.fail();
      assert.ok((demand.converted(slice) ?? pageSpanOf(slice.extent, page).bytes) > beside);
    }
  });
});
