import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { pairsInRound, slotBytes, slotsIn, transitBytes, workBytes } from './expert-slots.ts';

const page = 4096;
const anyBanks = fc.array(
  fc.record({
    experts: fc.integer({ min: 1, max: 512 }),
    expertBytes: fc.integer({ min: 1000, max: 2 ** 24 }),
    matrices: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 1, maxLength: 60 },
);

test('a budget gives as many slots in all layers as fit, and no more than there are experts', () => {
  fc.assert(
    fc.property(anyBanks, fc.double({ min: 0, max: 1.1, noNaN: true }), (banks, part) => {
      const most = Math.max(...banks.map(({ experts }) => experts));
      const budget = Math.floor(part * slotBytes(banks, most, page));
      const slots = slotsIn(banks, budget, page);
      assert.ok(slots >= 0 && slots <= most);
      if (slots > 0) assert.ok(slotBytes(banks, slots, page) <= budget);
      if (slots < most) assert.ok(slotBytes(banks, slots + 1, page) > budget);
    }),
  );
});

test('layers with fewer experts than slots take memory for all of theirs, and no more', () => {
  const [few, many] = [8, 64].map((experts) => ({ experts, expertBytes: 1000, matrices: 3 })) as [never, never];
  assert.equal(slotBytes([few, many], 32, page), 1000 * (8 + 32) + 6 * page);
  assert.equal(slotsIn([], 2 ** 30, page), 0);
});

test('the transit holds the widest inputs and the highest products of a round, which any expert of a batch fits', () => {
  const products = [
    { width: 2048, rows: 768 },
    { width: 768, rows: 2048 },
  ];
  assert.ok(pairsInRound(512) >= 512);
  assert.equal(transitBytes(products, 512), pairsInRound(512) * 4 * (2048 + 2048 + 3));
  assert.equal(transitBytes([], 512), pairsInRound(512) * 4 * 3);
});

test('sorting pairs takes bytes for each slot and each pair', () => {
  assert.ok(workBytes(32, 8, 512) >= 32 * 8 * 512 * 8);
  assert.ok(workBytes(1, 1, 8) >= 8 * pairsInRound(8));
});
