import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { layRing, type RingSegment, withoutLast } from './ring-segments.ts';

const passes = 4;

/** Segments of a pass in order of use, and a ring at least `factor` times as large as the largest. */
const sizesAndRing = (factor: number): fc.Arbitrary<{ sizes: number[]; ring: number }> =>
  fc
    .record({ sizes: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 24 }), more: fc.nat(60) })
    .map(({ sizes, more }) => ({ sizes, ring: factor * Math.max(...sizes) + more }));

/** The endless sequence of reads, as far as `passes` go. */
const unroll = (sizes: readonly number[], segments: readonly RingSegment[]) =>
  Array.from({ length: passes * sizes.length }, (_, k) => {
    const { offset = 0, after = 0 } = segments[k % sizes.length] ?? {};
    return { from: offset, to: offset + (sizes[k % sizes.length] ?? 0), after };
  });

type Read = ReturnType<typeof unroll>[number];
const overlap = (a: Read, b: Read): boolean => a.from < b.to && b.from < a.to;

test('every segment lies inside the ring', () => {
  fc.assert(
    fc.property(sizesAndRing(1), ({ sizes, ring }) => {
      for (const { from, to } of unroll(sizes, layRing(sizes, ring))) assert.ok(from >= 0 && to <= ring);
    }),
  );
});

test('a read waits for the release of all earlier ones that share a byte with it, and for no others', () => {
  fc.assert(
    fc.property(sizesAndRing(1), ({ sizes, ring }) => {
      const reads = unroll(sizes, layRing(sizes, ring));
      for (const [k, read] of reads.entries()) {
        const last = reads.findLastIndex((other, j) => j < k && overlap(other, read));
        if (last >= 0) assert.equal(k - read.after, last);
      }
    }),
  );
});

test('without the last segments of a pass, a read waits no less than it must, and for nothing of its own step', () => {
  fc.assert(
    fc.property(sizesAndRing(1), fc.nat(23), ({ sizes, ring }, n) => {
      const count = n % sizes.length;
      const left = sizes.slice(0, sizes.length - count);
      const reads = unroll(left, withoutLast(layRing(sizes, ring), count));
      for (const [k, read] of reads.entries()) {
        const last = reads.findLastIndex((other, j) => j < k && overlap(other, read));
        if (last >= 0) assert.ok(k - read.after >= last);
        const first = k - (k % left.length);
        if (last < first) assert.ok(k - read.after < first);
      }
    }),
  );
});

test('no two live segments overlap, and steps of a quarter of the ring are always served', () => {
  const choices = fc.infiniteStream(fc.record({ part: fc.double({ min: 0, max: 1, noNaN: true }), lazy: fc.nat(3) }));
  fc.assert(
    fc.property(sizesAndRing(4), choices, ({ sizes, ring }, stream) => {
      const reads = unroll(sizes, layRing(sizes, ring));
      let [begun, released] = [0, 0];
      const read = (atMost: number): void => {
        for (let i = 0; i < atMost && begun < reads.length; i += 1) {
          const next = reads[begun];
          if (!next || begun - next.after >= released) return;
          for (const live of reads.slice(released, begun)) assert.ok(!overlap(live, next), `read ${begun}`);
          begun += 1;
        }
      };
      while (released < reads.length) {
        const { part, lazy } = stream.next().value;
        read(lazy); // a few reads ahead; the others when they are leased
        // A step is of one pass, and takes as much as it may or less; but one segment at least.
        const passEnd = (Math.floor(released / sizes.length) + 1) * sizes.length;
        let [end, bytes] = [released, 0];
        while (end < passEnd) {
          bytes += sizes[end % sizes.length] ?? 0;
          if (bytes > (ring / 4) * part && end > released) break;
          end += 1;
        }
        read(Number.POSITIVE_INFINITY);
        assert.ok(begun >= end, `step [${released}, ${end}) is never read`);
        released = end;
      }
    }),
  );
});

test('one segment at a time is always served, even if the ring holds no more than the largest', () => {
  fc.assert(
    fc.property(sizesAndRing(1), ({ sizes, ring }) => {
      for (const { after } of layRing(sizes, ring)) assert.ok(after >= 1 && after <= sizes.length);
    }),
  );
});

test('a pass that fits in the ring as a whole waits for nothing but itself', () => {
  assert.deepEqual(layRing([3, 4, 5], 12), [
    { offset: 0, after: 3 },
    { offset: 3, after: 3 },
    { offset: 7, after: 3 },
  ]);
});

test('a segment larger than the ring is refused', () => {
  assert.throws(() => layRing([3, 13], 12), RangeError);
  assert.deepEqual(layRing([], 0), []);
});
