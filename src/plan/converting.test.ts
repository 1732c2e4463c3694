import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { layConverting } from './converting.ts';

const page = 4096;
const slot = fc
  .record({ pages: fc.integer({ min: 1, max: 40 }), share: fc.option(fc.double({ min: 0.1, max: 1.2, noNaN: true })) })
  .map(({ pages, share }) => ({
    bytes: pages * page,
    converted: share === null ? undefined : Math.ceil(pages * page * share),
  }));

test('what a step holds is in place at once, as it was read and converted, and no byte is shared', () => {
  fc.assert(
    fc.property(fc.array(slot, { minLength: 1, maxLength: 30 }), (slots) => {
      const largest = Math.max(...slots.map(({ bytes }) => bytes));
      const ring = 4 * largest;
      const turns = layConverting(slots, ring);
      if (!turns) return;
      for (let from = 0; from < slots.length; from += 1) {
        const held: [number, number][] = [];
        let sum = 0;
        for (let turn = from; turn < slots.length; turn += 1) {
          const { bytes, converted = 0 } = slots[turn] ?? { bytes: 0 };
          sum += bytes;
          if (sum > largest) break;
          const { place, converted: to } = turns[turn] ?? assert.fail();
          held.push([place.offset, place.offset + bytes]);
          assert.ok(place.offset + bytes <= ring / 2);
          if (to === undefined) continue;
          held.push([to, to + converted]);
          assert.ok(to % 64 === 0 && to >= ring / 2 && to + converted <= ring);
        }
        held.sort(([a], [b]) => a - b);
        for (const [i, [begin]] of held.entries()) assert.ok(i === 0 || begin >= (held[i - 1]?.[1] ?? 0));
      }
    }),
  );
});

test('a layout larger than the slice is left alone, and where nothing converts there is no such ring', () => {
  const large = { bytes: page, converted: page + 1 };
  const none = { bytes: page, converted: undefined };
  assert.equal(layConverting([large, none], 4 * page), undefined);
  assert.equal(layConverting([], 0), undefined);
  const turns = layConverting([large, { bytes: page, converted: page }, none], 4 * page);
  assert.deepEqual(
    turns?.map(({ converted }) => converted !== undefined),
    [false, true, false],
  );
});
