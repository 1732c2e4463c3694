import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { page } from '../../test/support/demands.ts';
import { anyBanks, weightOf } from '../../test/support/weights.ts';
import { ExpertDemand } from './expert-demand.ts';
import { expertBufferBytes, expertBuffers, layTransit, slotBytes, workBytes } from './expert-slots.ts';
import { expertLength } from './routed-banks.ts';

const count = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
const anyPass = fc.record({ slots: count(40), batch: count(64), parallel: count(8), ahead: fc.nat(4) });

test('the bytes of experts are those of slots, of buffers, and of the pairs of the largest pass', () => {
  fc.assert(
    fc.property(anyBanks, anyPass, (manifest, { slots, batch, parallel, ahead }) => {
      const demand = new ExpertDemand(manifest, page, { parallel, ahead });
      const weights = manifest.map(({ weight }) => weight);
      const decoded = 1 + ahead;
      const pass = {
        tokens: Math.max(batch, decoded) + (parallel - 1) * decoded,
        used: Math.max(...manifest.map(({ experts }) => experts?.used ?? assert.fail())),
      };
      const buffers = expertBuffers * expertBufferBytes(weights.map(expertLength), page);
      assert.equal(
        demand.bytes(slots, batch),
        slotBytes(demand.banks, slots, page) + buffers + layTransit(weights, pass).bytes + workBytes(slots, pass),
      );
    }),
  );
});

test('the most slots that fit are found, one at least, and no more than a router has experts', () => {
  fc.assert(
    fc.property(count(40), fc.nat(50), (experts, fitting) => {
      const weight = weightOf('experts', 'q8_0', [32, 8, experts]);
      const demand = new ExpertDemand([{ weight, streamable: false, experts: { router: 0, used: 1 } }], page);
      const expected = Math.max(1, Math.min(fitting, experts));
      assert.equal(
        demand.mostSlots((slots) => slots <= fitting),
        expected,
      );
    }),
  );
});
