import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand } from '../../test/support/demands.ts';
import { at } from '../base/at.ts';
import type { KernelLayout } from '../ggml/kernel-layout.ts';
import { makePlan } from '../plan/make-plan.ts';
import type { Slice } from '../plan/slices.ts';
import { kernelSamples, type Matrix, matricesOf } from './kernel-samples.ts';

const bytesOf = (matrices: readonly Matrix[]): number => matrices.reduce((sum, { bytes }) => sum + bytes, 0);

test('weights of a kind are measured by enough of them, or by all that the model has in such a layout', () => {
  fc.assert(
    fc.property(anyDemand, fc.double({ min: 1, max: 1e8, noNaN: true }), (demand, enough) => {
      const plan = makePlan(demand);
      const layoutOf = (slice: Slice): KernelLayout | undefined => {
        const bytes = demand.converted(slice);
        return bytes === undefined ? undefined : { name: 'another', bytes, bufferType: 0n };
      };
      const samples = kernelSamples(plan, layoutOf, enough);
      const all = { plain: matricesOf(plan, () => undefined), converted: matricesOf(plan, layoutOf, true) };
      for (const kind of ['plain', 'converted'] as const) {
        const placed = plan.slices.some(
          (slice) =>
            slice.shape.length > 1 &&
            (at(plan.placements, slice.id).kind === 'converted' && layoutOf(slice) ? 'converted' : 'plain') === kind,
        );
        const most = all[kind].filter(({ layout }) => kind === 'plain' || layout);
        if (placed) assert.ok(bytesOf(samples[kind]) >= Math.min(enough, bytesOf(most)));
        else assert.deepEqual(samples[kind], []);
        assert.ok(samples[kind].every(({ layout }) => (layout !== undefined) === (kind === 'converted')));
      }
    }),
  );
});
