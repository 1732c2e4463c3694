import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { layResidents, layWeights } from './ring-modes.ts';

const page = 4096;
const anySlice = fc
  .record({ pages: fc.integer({ min: 1, max: 40 }), share: fc.option(fc.double({ min: 0.1, max: 1.2, noNaN: true })) })
  .map(({ pages, share }) => ({
    bytes: pages * page,
    converted: share === null ? undefined : Math.ceil(pages * page * share),
  }));

test('what a step holds is in place at once, as it was read and converted, and no byte is shared', () => {
  fc.assert(
    fc.property(fc.array(anySlice, { minLength: 1, maxLength: 30 }), (slices) => {
      const largest = Math.max(...slices.map(({ bytes }) => bytes));
      const ring = 4 * largest;
      const { loading, converting = loading } = layWeights(slices, ring);
      for (let from = 0; from < slices.length; from += 1) {
        const held: [number, number][] = [];
        let sum = 0;
        for (let order = from; order < slices.length; order += 1) {
          const { bytes, converted = 0 } = slices[order] ?? { bytes: 0 };
          sum += bytes;
          if (sum > largest) break;
          const { offset, converted: to } = converting[order] ?? assert.fail();
          held.push([offset, offset + bytes]);
          assert.ok(offset + bytes <= ring / 2);
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
  assert.equal(layWeights([large, none], 4 * page).converting, undefined);
  assert.equal(layWeights([], 0).converting, undefined);
  const { converting } = layWeights([large, { bytes: page, converted: page }, none], 4 * page);
  assert.deepEqual(
    converting?.map(({ converted }) => converted !== undefined),
    [false, true, false],
  );
});

test('residents that have a place are read to it, the others around their part of the ring', () => {
  const anyResident = fc.record({
    bytes: fc.integer({ min: 1, max: 40 }).map((pages) => pages * page),
    offset: fc.option(fc.nat(100), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(anyResident, { maxLength: 30 }), fc.nat(20), fc.nat(20), (residents, before, more) => {
      const from = before * page;
      const to = from + Math.max(page, ...residents.map(({ bytes }) => bytes)) + more * page;
      const segments = layResidents(residents, { from, to });
      for (const [i, { memory, offset }] of segments.entries()) {
        const resident = residents[i] ?? assert.fail();
        if (resident.offset !== undefined) assert.deepEqual([memory, offset], ['arena', resident.offset]);
        else assert.ok(memory === 'ring' && offset >= from && offset + resident.bytes <= to);
      }
      // Bytes are not written to before those that were there have moved on.
      for (const [i, { offset, after }] of segments.entries()) {
        for (let j = Math.max(0, i - after + 1); j < i; j += 1) {
          const [one, other] = [segments[j] ?? assert.fail(), residents[j] ?? assert.fail()];
          if (one.memory !== 'ring' || residents[i]?.offset !== undefined) continue;
          assert.ok(one.offset + other.bytes <= offset || offset + (residents[i]?.bytes ?? 0) <= one.offset);
        }
      }
    }),
  );
});
