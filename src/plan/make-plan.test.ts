import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { allBytes, anyDemand, anyModel, draftBytes, page, refusal, smallest } from '../../test/support/demands.ts';
import { weightOf } from '../../test/support/weights.ts';
import { ExpertDemand } from './expert-demand.ts';
import { slotBytes } from './expert-slots.ts';
import { makePlan } from './make-plan.ts';
import type { Demand, Plan, Shares } from './plan.ts';
import { residentParts } from './resident-parts.ts';
import { pageSpanOf, type Slice } from './slices.ts';

const MiB = 2 ** 20;

const total = (shares: Shares): number => Object.values(shares).reduce((a: number, b: number) => a + b, 0);
const pagesOf = (slice: Slice): number => pageSpanOf(slice.extent, page).bytes;
const at = (plan: Plan, id: number): Slice => plan.slices[id] ?? assert.fail(`no slice ${id}`);

const holds = (check: (demand: Demand, plan: Plan) => void): void =>
  fc.assert(fc.property(anyDemand, (demand) => check(demand, makePlan(demand))));

test('the shares add up to the budget or below, and each is what the plan spends', () => {
  holds((demand, plan) => {
    const { runtime, kv, compute, ring, resident, experts, draft } = plan.shares;
    assert.ok(total(plan.shares) <= demand.budget);
    assert.deepEqual([draft, plan.draft], [draftBytes(demand), demand.draft]);
    assert.deepEqual(
      [runtime, kv, plan.context, plan.budget],
      [demand.runtime, demand.kv(plan.batch), demand.context, demand.budget],
    );
    assert.ok(plan.batch >= 1 && plan.batch <= Math.min(512, demand.context));
    assert.equal(compute, demand.compute(plan.batch, plan.slices));
    assert.ok(ring >= 0 && ring % page === 0);
    let kept = 0;
    for (const slice of plan.slices) {
      const placement = plan.placements[slice.id];
      if (placement?.kind === 'converted') kept += placement.bytes;
      if (placement?.kind === 'resident') kept += pagesOf(slice);
    }
    assert.equal(resident, kept);
    if (plan.experts) {
      const needs = new ExpertDemand(demand.manifest, page);
      assert.equal(experts, needs.bytes(plan.experts.slots, plan.batch));
      assert.ok(experts >= slotBytes(plan.experts.banks, plan.experts.slots, page));
    } else assert.equal(experts, 0);
  });
});

test('each byte of each weight is in one slice, and each slice has one placement', () => {
  holds(({ manifest }, plan) => {
    assert.equal(plan.placements.length, plan.slices.length);
    let id = 0;
    for (const { weight } of manifest) {
      let { offset } = weight.extent;
      for (; plan.slices[id]?.weight.name === weight.name; id += 1) {
        const slice = at(plan, id);
        assert.equal(slice.id, id);
        assert.equal(slice.extent.offset, offset);
        offset += slice.extent.length;
      }
      assert.equal(offset, weight.extent.offset + weight.extent.length);
    }
    assert.equal(id, plan.slices.length);
  });
});

test('what streams is read in the order of use; its bytes are those of a pass', () => {
  holds((_, plan) => {
    const inRing = plan.slices.filter(({ id }) => plan.placements[id]?.kind === 'ring');
    assert.deepEqual(
      plan.streamed,
      inRing.map(({ id }) => id),
    );
    assert.equal(
      plan.bytesPerPass,
      inRing.reduce((sum, { extent }) => sum + extent.length, 0),
    );
  });
});

test('no two resident slices overlap, and each begins on a page', () => {
  holds((_, plan) => {
    let end = 0;
    for (const slice of plan.slices) {
      const placement = plan.placements[slice.id];
      if (placement?.kind !== 'resident') continue;
      assert.equal(placement.offset % page, 0);
      assert.ok(placement.offset >= end);
      end = placement.offset + pagesOf(slice);
    }
  });
});

test('ring places lie inside the ring, and a slice waits for those whose bytes it overwrites', () => {
  holds((_, plan) => {
    const places = plan.streamed.map((id, order) => {
      assert.deepEqual(plan.placements[id], { kind: 'ring', order });
      const { offset, after } = plan.ringModes.plain[order] ?? assert.fail();
      return { from: offset, to: offset + pagesOf(at(plan, id)), after };
    });
    const n = places.length;
    for (const [turn, { from, to, after }] of places.entries()) {
      assert.ok(from % page === 0 && from >= 0 && to <= plan.shares.ring);
      assert.ok(to - from <= plan.stepBytes && 4 * plan.stepBytes <= plan.shares.ring);
      for (let back = 1; back < after; back += 1) {
        const other = places[(turn - back + n) % n];
        assert.ok(other && (other.from >= to || other.to <= from));
      }
    }
  });
});

test('only a matrix that is used once in a pass streams or is cut', () => {
  holds(({ manifest }, plan) => {
    const fixed = new Set(manifest.filter((entry) => !entry.streamable).map((entry) => entry.weight));
    for (const { id, weight, extent } of plan.slices) {
      if (!fixed.has(weight)) continue;
      assert.deepEqual(extent, weight.extent);
      assert.notEqual(plan.placements[id]?.kind, 'ring');
    }
  });
});

test('whatever is converted fits through the ring', () => {
  holds((demand, plan) => {
    for (const slice of plan.slices) {
      const placement = plan.placements[slice.id];
      if (placement?.kind !== 'converted') continue;
      assert.equal(placement.bytes, demand.converted(slice));
      for (const part of residentParts(slice, { converted: true })) {
        assert.ok(4 * pageSpanOf(part.extent, page).bytes <= plan.shares.ring);
      }
    }
  });
});

test('no memory is left unused that a streamed slice would fit in', () => {
  holds((demand, plan) => {
    const unused = demand.budget - total(plan.shares);
    for (const id of plan.streamed) {
      const slice = at(plan, id);
      assert.ok((demand.converted(slice) ?? pagesOf(slice)) > unused);
    }
  });
});

test('with room for all weights, a ring to convert them through and a batch of 512, everything is resident', () => {
  fc.assert(
    fc.property(anyModel, ({ expertCache: _, ...model }) => {
      const needed = model.runtime + model.kv(512) + draftBytes(model) + model.compute(512, []) + 6 * allBytes(model);
      const plan = makePlan({ ...model, budget: needed });
      assert.equal(plan.bytesPerPass, 0);
      assert.deepEqual([plan.streamed, plan.experts], [[], undefined]);
      assert.equal(plan.batch, makePlan({ ...model, budget: 2 * needed }).batch);
    }),
  );
});

test('the smallest budget that an error names works, and one byte less does not', () => {
  fc.assert(
    fc.property(anyModel, (model) => {
      const { needed, parts } = refusal(model).details;
      assert.equal(parts['draft model'], model.draft && draftBytes(model));
      assert.equal(
        Object.values(parts).reduce((a, b) => a + b, 0),
        needed,
      );
      assert.ok(total(makePlan({ ...model, budget: needed }).shares) <= needed);
      assert.equal(refusal(model, needed - 1).details.needed, needed);
    }),
  );
});

test('every budget above the smallest works', () => {
  fc.assert(
    fc.property(anyModel, fc.array(fc.nat(64 * MiB), { maxLength: 5 }), (model, extras) => {
      const least = smallest(model);
      for (const extra of extras) makePlan({ ...model, budget: least + extra });
    }),
  );
});

test('twice the memory never streams more', () => {
  // A little more may, where it goes into a longer ring or a larger batch.
  holds((demand, plan) => {
    const twice = 2 * demand.budget - demand.runtime - demand.kv(1) - draftBytes(demand);
    assert.ok(makePlan({ ...demand, budget: twice }).bytesPerPass <= plan.bytesPerPass);
  });
});

test('many tokens are computed at once wherever that costs no more than a few MiB', () => {
  holds((demand, plan) => {
    const worthy = Math.min(16, demand.context);
    const { slots } = plan.experts ?? { slots: 0 };
    const experts = slots > 0 ? new ExpertDemand(demand.manifest, page) : undefined;
    const cost = (tokens: number): number =>
      demand.compute(tokens, plan.slices) + demand.kv(tokens) + (experts?.bytes(slots, tokens) ?? 0);
    // Batches come in sizes, each more than two thirds of the next.
    if (cost(worthy) - cost(1) <= 4 * MiB) assert.ok(plan.batch > worthy / 1.5, `${plan.batch}`);
  });
});

test('with more memory no fewer tokens are computed at once, unless all weights stay then', () => {
  fc.assert(
    fc.property(anyDemand, fc.nat(256 * MiB), (demand, extra) => {
      const [less, more] = [makePlan(demand), makePlan({ ...demand, budget: demand.budget + extra })];
      assert.ok(more.batch >= less.batch || more.streamed.length === 0, `${less.batch} ${more.batch}`);
    }),
  );
});

test('a draft model takes what it takes, and the other one is planned as if the budget were that much smaller', () => {
  holds((demand, plan) => {
    const alone = makePlan({ ...demand, budget: demand.budget - draftBytes(demand), draft: undefined });
    const { draft, ...others } = plan.shares;
    assert.deepEqual({ ...others, draft: 0 }, alone.shares);
    assert.deepEqual(plan.placements, alone.placements);
    assert.equal(plan.draft?.bytesPerPass ?? 0, 0, 'it is resident as a whole');
  });
});

test('the same demand gives the same plan', () => {
  holds((demand, plan) => assert.deepEqual(makePlan(demand), plan));
});

test('a model of 1 GiB in half of it streams about half, through a ring of a few slices', () => {
  const manifest = Array.from({ length: 32 }, (_, i) => ({
    weight: weightOf(`blk.${i}`, 'q8_0', [4096, 7712], 96 + i * 33_562_624),
    streamable: true,
  }));
  const plan = makePlan({
    budget: 612 * MiB,
    context: 4096,
    runtime: 60 * MiB,
    kv: () => 40 * MiB,
    page,
    manifest,
    compute: (tokens) => tokens * 65536,
    converted: () => undefined,
  });
  assert.equal(plan.batch, 512);
  assert.equal(plan.shares.compute, 32 * MiB);
  assert.ok(plan.shares.ring <= 128 * MiB);
  assert.ok(plan.shares.resident > 350 * MiB);
  assert.ok(plan.bytesPerPass < 674 * MiB);
});
