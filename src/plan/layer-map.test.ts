import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand } from '../../test/support/demands.ts';
import { layerMap, layerOf } from './layer-map.ts';
import { makePlan } from './make-plan.ts';

test('a map of layers has all bytes of the weights, each once, as the plan places them', () => {
  fc.assert(
    fc.property(anyDemand, (demand) => {
      const plan = makePlan(demand);
      const map = layerMap(plan);
      const sum = (of: (layer: (typeof map)[number]) => number): number => map.reduce((all, one) => all + of(one), 0);
      assert.equal(
        sum(({ streamed }) => streamed),
        plan.bytesPerPass,
      );
      assert.equal(
        sum(({ resident, streamed, experts }) => resident + streamed + experts),
        plan.slices.reduce((all, { extent }) => all + extent.length, 0),
      );
      assert.equal(new Set(map.map(({ name }) => name)).size, map.length);
    }),
    { numRuns: 20 },
  );
});

test('a weight belongs to the layer in its name', () => {
  const layers = ['blk.12.ffn_down_exps.weight', 'enc.blk.0.attn_q.weight', 'output.weight', 'rope_freqs.weight'].map(
    layerOf,
  );
  assert.deepEqual(layers, ['blk.12', 'enc.blk.0', 'output', 'output']);
});
