import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { layConvertingRing } from './converting.ts';

const page = 4096;
const slice = fc
  .record({ pages: fc.integer({ min: 1, max: 40 }), share: fc.option(fc.double({ min: 0.1, max: 1.2, noNaN: true })) })
  .map(({ pages, share }) => ({
    bytes: pages * page,
    converted: share === null ? undefined : Math.ceil(pages * page * share),
  }));

test('what a step holds is in place at once, as it was read and converted, and no byte is shared', () => {
  fc.assert(
    fc.property(fc.array(slice, { minLength: 1, maxLength: 30 }), (slices) => {
      const largest = Math.max(...slices.map(({ bytes }) => bytes));
      const ring = 4 * largest;
      const segments = layConvertingRing(slices, ring);
      if (!segments) return;
      for (let from = 0; from < slices.length; from += 1) {
        const held: [number, number][] = [];
        let sum = 0;
        for (let order = from; order < slices.length; order += 1) {
          const { bytes, converted = 0 } = slices[order] ?? { bytes: 0 };
          sum += bytes;
          if (sum > largest) break;
          const { segment, converted: to } = segments[order] ?? assert.fail();
          held.push([segment.offset, segment.offset + bytes]);
          assert.ok(segment.offset + bytes <= ring / 2);
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
  assert.equal(layConvertingRing([large, none], 4 * page), undefined);
  assert.equal(layConvertingRing([], 0), undefined);
  const segments = layConvertingRing([large, { bytes: page, converted: page }, none], 4 * page);
  assert.deepEqual(
    segments?.map(({ converted }) => converted !== undefined),
    [false, true, false],
  );
});
