import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { divideIntoSteps, firstUses, type NodeRange, type StreamedUse } from './steps.ts';

/** Uses of slices 0, 1, 2, … in the order of the nodes that read them; a node reads one at most. */
const anyUses = fc
  .array(fc.record({ skip: fc.nat(5), bytes: fc.integer({ min: 1, max: 100 }) }), { maxLength: 40 })
  .map((steps) => {
    let node = -1;
    return steps.map(({ skip, bytes }, slice): StreamedUse => {
      node += skip + 1;
      return { slice, node, bytes };
    });
  });
const anyCase = fc.record({ uses: anyUses, rest: fc.nat(5), maxBytes: fc.integer({ min: 1, max: 300 }) });
const nodesOf = (uses: readonly StreamedUse[], rest: number): number => (uses.at(-1)?.node ?? -1) + 1 + rest;

test('steps cover all nodes in order, none is empty, and each slice is needed once', () => {
  fc.assert(
    fc.property(anyCase, ({ uses, rest, maxBytes }) => {
      const nodes = nodesOf(uses, rest);
      const steps = divideIntoSteps(uses, nodes, { maxBytes });
      let at = 0;
      for (const { from, to } of steps) {
        assert.equal(from, at);
        assert.ok(to > from);
        at = to;
      }
      assert.equal(at, nodes);
      assert.deepEqual(
        steps.flatMap((step) => step.slices),
        uses.map((use) => use.slice),
      );
    }),
  );
});

test('a slice belongs to the step whose nodes read it', () => {
  fc.assert(
    fc.property(anyCase, ({ uses, rest, maxBytes }) => {
      for (const { from, to, slices } of divideIntoSteps(uses, nodesOf(uses, rest), { maxBytes })) {
        for (const slice of slices) {
          const node = uses[slice]?.node ?? -1;
          assert.ok(node >= from && node < to);
        }
      }
    }),
  );
});

test('no step needs more bytes than allowed unless its only slice does, and steps are not cut without need', () => {
  fc.assert(
    fc.property(anyCase, ({ uses, rest, maxBytes }) => {
      const steps = divideIntoSteps(uses, nodesOf(uses, rest), { maxBytes });
      const bytes = steps.map(({ slices }) => slices.reduce((sum, s) => sum + (uses[s]?.bytes ?? 0), 0));
      for (const [i, { slices }] of steps.entries()) {
        assert.ok((bytes[i] ?? 0) <= maxBytes || slices.length === 1);
        const next = uses[steps[i + 1]?.slices[0] ?? -1];
        if (next && slices.length > 0) assert.ok((bytes[i] ?? 0) + next.bytes > maxBytes);
      }
    }),
  );
});

test('what comes before the first streamed slice is a step of its own: it is computed while the slice is read', () => {
  const uses = [
    { slice: 4, node: 3, bytes: 10 },
    { slice: 7, node: 5, bytes: 10 },
    { slice: 8, node: 9, bytes: 1 },
  ];
  assert.deepEqual(divideIntoSteps(uses, 12, { maxBytes: 20 }), [
    { from: 0, to: 3, slices: [] },
    { from: 3, to: 9, slices: [4, 7] },
    { from: 9, to: 12, slices: [8] },
  ]);
  assert.deepEqual(divideIntoSteps([], 5, { maxBytes: 20 }), [{ from: 0, to: 5, slices: [] }]);
});

test('nodes that are to stand alone are steps by themselves, with the slices that they read; all else is as without them', () => {
  const anyAlone = fc.array(fc.record({ skip: fc.nat(6), length: fc.integer({ min: 1, max: 4 }) }), { maxLength: 6 });
  fc.assert(
    fc.property(anyCase, anyAlone, ({ uses, rest, maxBytes }, gaps) => {
      const alone: NodeRange[] = [];
      for (const { skip, length } of gaps) {
        const from = (alone.at(-1)?.to ?? 0) + skip;
        alone.push({ from, to: from + length });
      }
      const nodes = Math.max(nodesOf(uses, rest), alone.at(-1)?.to ?? 0);
      const steps = divideIntoSteps(uses, nodes, { maxBytes, alone });
      for (const range of alone) assert.ok(steps.some(({ from, to }) => from === range.from && to === range.to));
      let at = 0;
      for (const { from, to, slices } of steps) {
        assert.ok(from === at && to > from);
        at = to;
        for (const slice of slices) {
          const node = uses[slice]?.node ?? -1;
          assert.ok(from <= node && node < to);
        }
      }
      assert.equal(at, nodes);
      assert.deepEqual(
        steps.flatMap(({ slices }) => slices),
        [...uses.keys()],
      );
    }),
  );
});

test('slices are waited for once, in the order in which they come, by the first node that cannot do without', () => {
  const uses = [
    { slice: 2, node: 0 },
    { slice: 5, node: 3 },
    { slice: 2, node: 4 },
    { slice: 4, node: 5 },
    { slice: 9, node: 7 },
  ];
  assert.deepEqual(firstUses(uses, [2, 4, 5, 9]), [
    { slice: 2, node: 0 },
    { slice: 4, node: 3 },
    { slice: 5, node: 3 },
    { slice: 9, node: 7 },
  ]);
  assert.deepEqual(firstUses(uses, [5]), [{ slice: 5, node: 3 }]);
});
