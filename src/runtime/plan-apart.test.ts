import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { engineError } from '../../test/support/engine-error.ts';
import { anyManifest } from '../../test/support/weights.ts';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { uploadBytes } from '../pager/open-uploads.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { ManifestEntry } from '../plan/manifest.ts';
import { type Plan, planBytes } from '../plan/plan.ts';
import { planApart } from './plan-apart.ts';
import type { PlanOptions } from './planner.ts';

const MiB = 2 ** 20;
const runtime = 30 * MiB;
const fixed = runtime + uploadBytes;

const options: PlanOptions = { budget: 2 ** 33, runtime, kernels: 'auto' };

const planOf =
  (manifest: readonly ManifestEntry[]) =>
  ({ budget }: PlanOptions): Plan =>
    makePlan({
      budget,
      context: 100,
      runtime: 0,
      kv: () => MiB,
      page: 4096,
      manifest,
      compute: () => MiB,
      converted: () => undefined,
    });

test('shares of both memories keep to their budgets, and what streams is held as far as memory goes', () => {
  fc.assert(
    fc.property(
      anyManifest,
      fc.integer({ min: 0, max: 64 * MiB }),
      fc.integer({ min: 8, max: 64 }),
      (manifest, room, own) => {
        const plan = attempt(() =>
          planApart({ room: own * MiB }, { ...options, budget: fixed + MiB + room }, planOf(manifest)),
        );
        if (!plan) return;
        assert.ok(planBytes(plan) <= own * MiB);
        const host = plan.host ?? assert.fail();
        assert.ok(host.runtime + host.transit + host.heldBytes <= host.budget);
        for (const id of host.held) assert.equal(at(plan.placements, id).kind, 'ring');
        const streamed = plan.streamed.filter((id) => !host.held.includes(id));
        assert.equal(
          plan.bytesPerPass,
          streamed.reduce((sum, id) => sum + at(plan.slices, id).extent.length, 0),
        );
      },
    ),
  );
});

const attempt = (plan: () => Plan): Plan | undefined => {
  try {
    return plan();
  } catch (error) {
    if (error instanceof EngineError && error.code === 'BUDGET_TOO_SMALL') return undefined;
    throw error;
  }
};

test('the memory that is too small is named', () => {
  const refuse = (): Plan => {
    throw new EngineError('BUDGET_TOO_SMALL', { budget: 1, needed: 2, parts: {} });
  };
  assert.throws(() => planApart({ room: 1 }, options, refuse), engineError('BUDGET_TOO_SMALL', '--gpu-memory'));
  const little = { ...options, budget: fixed };
  const own = (): Plan => planOf([])({ ...options, budget: 64 * MiB });
  assert.throws(() => planApart({ room: 64 * MiB }, little, own), engineError('BUDGET_TOO_SMALL', '--memory-budget'));
});
