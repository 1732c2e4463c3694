import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addCurves, type HitCurve, hitsOf, usualHits } from './hit-curve.ts';

const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

test('usual hits rise with the share of experts that have slots, from none to all', () => {
  assert.equal(usualHits(0, 8), 0);
  assert.equal(usualHits(8, 8), 1);
  assert.equal(usualHits(9, 8), 1);
  assert.equal(usualHits(20, 100), 0.72);
  close(usualHits(40, 100), 0.85 + (0.04 / 0.09) * 0.04);
  const slots = fc.nat(128);
  fc.assert(
    fc.property(slots, slots, (a, b) => assert.ok(usualHits(Math.min(a, b), 128) <= usualHits(Math.max(a, b), 128))),
  );
});

const anyCurve: fc.Arbitrary<HitCurve> = fc
  .record({ depths: fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }), cold: fc.nat(100) })
  .map(({ depths, cold }) => ({ depths, asked: depths.reduce((sum, uses) => sum + uses, cold) }));

test('hits of a curve rise with the slots, from none to all uses but the first ones', () => {
  fc.assert(
    fc.property(anyCurve, (curve) => {
      const { asked, depths } = curve;
      fc.pre(asked > 0);
      const shares = Array.from({ length: depths.length + 1 }, (_, slots) => hitsOf([curve])(slots, depths.length));
      assert.equal(shares[0], 0);
      for (const [i, share] of shares.slice(1).entries()) {
        close(share * asked, (shares[i] ?? 0) * asked + (depths[i] ?? 0));
      }
      assert.equal(hitsOf([curve])(2 * depths.length, depths.length), shares.at(-1));
    }),
  );
});

test('routers of another number of experts, and a curve without uses, have the usual hits', () => {
  const curve = { asked: 10, depths: [1, 2, 3, 4] };
  assert.equal(hitsOf([curve])(2, 4), 0.3);
  assert.equal(hitsOf([curve])(2, 8), usualHits(2, 8));
  assert.equal(hitsOf([{ asked: 0, depths: [0, 0, 0, 0] }])(2, 4), usualHits(2, 4));
});

test('curves of routers with as many experts are added, others stand beside them', () => {
  const [small, other] = [
    { asked: 7, depths: [1, 2] },
    { asked: 3, depths: [0, 1] },
  ];
  const large = { asked: 5, depths: [1, 1, 1] };
  assert.deepEqual(addCurves([small, large, other]), [{ asked: 10, depths: [1, 3] }, large]);
  assert.deepEqual(addCurves([]), []);
});
