import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { weightOf } from '../../test/support/weights.ts';
import { EngineError } from '../base/errors.ts';
import { chooseKvHomes, type KvHomeCosts } from './kv-homes.ts';
import type { KvHome, KvHomeOption } from './kv-options.ts';
import { makePlan } from './make-plan.ts';
import { type Plan, planBytes } from './plan.ts';

const MiB = 2 ** 20;

/** A model with a matrix of a MiB in each layer. */
interface Case {
  /** Bytes of keys, and as many of values, in a layer. */
  readonly part: number;
  readonly layers: number;
  readonly budget: number;
  /** The share of the budget that keys and values may take. */
  readonly share?: number;
}

const ringOf = (part: number): number => 4 * part;
const tail = 2 * 2 ** 14;

/** A plan as the planner makes it. */
function choose(home: KvHomeOption, { part, layers, budget, share = 0.25 }: Case): Plan {
  const manifest = Array.from({ length: layers }, (_, i) => ({
    weight: weightOf(`w${i}`, 'f32', [512, 512], i * MiB),
    streamable: true,
  }));
  const kvOf = (homes: readonly KvHome[] | undefined): number => {
    const onSsd = homes?.filter((one) => one === 'ssd').length ?? 0;
    return (layers - onSsd) * 2 * part + onSsd * tail + (onSsd > 0 ? ringOf(part) : 0);
  };
  const planWith = (kvHomes: readonly KvHome[] | undefined): Plan =>
    makePlan({
      budget,
      context: 100,
      runtime: MiB,
      page: 4096,
      manifest,
      kvHomes,
      kv: () => kvOf(kvHomes),
      kvOnSsd: () => (kvHomes?.filter((one) => one === 'ssd').length ?? 0) * 2 * part,
      compute: () => MiB,
      converted: () => undefined,
    });
  const costs: KvHomeCosts = {
    layers: Array.from({ length: layers }, () => 2 * part),
    passing: ringOf(part),
    share: share * (budget - MiB),
  };
  return chooseKvHomes(home, planWith, costs);
}

const onSsd = ({ kvHomes }: Plan): number => kvHomes?.filter((home) => home === 'ssd').length ?? 0;

/** The plan, or the smallest budget that works. */
function attempt(home: KvHomeOption, wanted: Case): Plan | number {
  try {
    return choose(home, wanted);
  } catch (error) {
    if (error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL') {
      return (error as EngineError<'BUDGET_TOO_SMALL'>).details.needed;
    }
    throw error;
  }
}

test('what takes no more than its share of memory, or leaves room for all weights, stays there', () => {
  const small = choose('auto', { part: MiB / 8, layers: 16, budget: 16 * MiB, share: 0.3 });
  assert.ok(small.streamed.length > 0);
  assert.deepEqual([onSsd(small), small.kvOnSsd], [0, 0]);
  const roomy = choose('auto', { part: MiB, layers: 16, budget: 60 * MiB, share: 0.25 });
  assert.deepEqual([roomy.streamed.length, onSsd(roomy)], [0, 0]);
});

test('what would crowd out weights goes to the SSD, as far as it is beyond its share, spread over the layers', () => {
  const plan = choose('auto', { part: MiB / 2, layers: 16, budget: 26 * MiB, share: 0.4 });
  assert.ok(onSsd(plan) > 2 && onSsd(plan) < 16, `${plan.kvHomes}`);
  assert.ok(plan.kvHomes?.indexOf('ram') !== -1 && plan.shares.kv <= 0.4 * 25 * MiB + onSsd(plan) * tail);
  const halves = [plan.kvHomes?.slice(0, 8), plan.kvHomes?.slice(8)];
  for (const half of halves) assert.ok(half?.includes('ssd') && half.includes('ram'), `${plan.kvHomes}`);
});

test('where one home is wanted it is that for all layers', () => {
  for (const budget of [16 * MiB, 80 * MiB]) {
    const wanted = { part: MiB / 8, layers: 8, budget };
    assert.equal(choose('ram', wanted).kvHomes, undefined);
    assert.equal(onSsd(choose('ssd', wanted)), 8);
  }
});

const anyCase: fc.Arbitrary<Case> = fc.record({
  part: fc.oneof(fc.integer({ min: 1, max: 2 * MiB }), fc.constantFrom(100, 16384, MiB)),
  layers: fc.integer({ min: 1, max: 24 }),
  budget: fc.integer({ min: MiB, max: 80 * MiB }),
  share: fc.constantFrom(0.1, 0.25, 0.5),
});

test('auto never takes the SSD where memory does as well, and works wherever one of both does', () => {
  fc.assert(
    fc.property(anyCase, (wanted) => {
      const [auto, ram, ssd] = (['auto', 'ram', 'ssd'] as const).map((home) => attempt(home, wanted));
      assert.ok(auto !== undefined && ram !== undefined && ssd !== undefined);
      if (typeof auto === 'number') {
        assert.ok(typeof ram === 'number' && typeof ssd === 'number');
        assert.equal(auto, Math.min(ram, ssd), 'the smallest budget that works is named');
        assert.equal(typeof attempt('auto', { ...wanted, budget: auto }), 'object', 'and it does');
        return;
      }
      assert.ok(planBytes(auto) <= wanted.budget);
      if (typeof ram === 'number' || onSsd(auto) === 0) return;
      assert.ok(ram.streamed.length > 0, 'all weights were resident');
      assert.ok(auto.shares.kv < ram.shares.kv, 'no memory was won');
    }),
    { numRuns: 300 },
  );
});

test('two layers pass through a ring as large as themselves: they stay in memory', () => {
  const plan = choose('auto', { part: 4 * MiB, layers: 2, budget: 19 * MiB });
  assert.ok(plan.streamed.length > 0);
  assert.equal(onSsd(plan), 0);
});
