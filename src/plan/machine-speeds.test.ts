import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { fasterOf, knowsReads, readsOf, withReads } from './machine-speeds.ts';

test('of two measurements the faster figures count', () => {
  const slow = {
    plain: 1,
    converted: null,
    step: 5,
    ring: [{ read: 2, bytes: 7, core: 4 }],
    experts: null,
    half: { step: 1, ring: [], experts: null, slower: 2 },
    further: 0.5,
    rest: 2,
    choice: 3,
  };
  const fast = {
    plain: 2,
    converted: 4,
    step: 3,
    ring: [{ read: 1, bytes: 7, core: 3 }],
    experts: null,
    half: { step: 2, ring: [], experts: { read: 1, bytes: 1, core: 2 }, slower: 1 },
    further: 0.4,
    rest: 3,
    choice: 1,
  };
  const best = {
    plain: 2,
    converted: 4,
    step: 3,
    ring: [{ read: 2, bytes: 7, core: 3 }],
    experts: null,
    half: { step: 1, ring: [], experts: { read: 1, bytes: 1, core: 2 }, slower: 1 },
    further: 0.4,
    rest: 2,
    choice: 1,
  };
  assert.deepEqual([fasterOf(slow, fast), fasterOf(fast, slow)], [best, best]);
});

const anyReads = fc.record({
  read: fc.double({ min: 1e6, max: 1e10, noNaN: true }),
  bytes: fc.double({ min: 1e3, max: 1e8, noNaN: true }),
  core: fc.double({ min: 0, max: 1e-9, noNaN: true }),
});

test('reads are told by those of about as many bytes, or lie between the next ones', () => {
  const anyRing = fc.array(anyReads, { maxLength: 5 });
  fc.assert(
    fc.property(anyRing, anyReads, (ring, found) => {
      const known = withReads(ring, [found]);
      assert.ok(knowsReads(known, found.bytes) && known.includes(found));
      assert.equal(known.filter((one) => knowsReads([found], one.bytes)).length, 1);
      assert.equal(readsOf([], found.bytes), null);
      const told = readsOf(ring, found.bytes);
      if (ring.length === 0) return assert.equal(told, null);
      const within = (value: number, of: (one: (typeof ring)[number]) => number): boolean =>
        value >= Math.min(...ring.map(of)) * (1 - 1e-9) && value <= Math.max(...ring.map(of)) * (1 + 1e-9);
      assert.ok(told && within(told.read, ({ read }) => read) && within(told.core, ({ core }) => core));
      assert.deepEqual(readsOf(known, found.bytes), found);
    }),
  );
});
