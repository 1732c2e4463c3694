import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { addCurves, type HitCurve, hitsOf, type RouterSize, usualHits } from './hit-curve.ts';

const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

test('usual hits rise with the slots, from none to all, and are no fewer than those of experts that are used evenly', () => {
  const router = fc
    .integer({ min: 1, max: 128 })
    .chain((experts) =>
      fc.record({ experts: fc.constant(experts), used: fc.integer({ min: 1, max: Math.min(experts, 12) }) }),
    );
  fc.assert(
    fc.property(router, fc.nat(130), fc.nat(130), (router, a, b) => {
      const [few, many] = [usualHits(Math.min(a, b), router), usualHits(Math.max(a, b), router)];
      assert.ok(few <= many + 1e-9, `${few}, ${many}`);
      assert.ok(many <= 1 && few >= Math.min(1, Math.min(a, b) / router.experts) - 1e-6);
    }),
  );
  assert.deepEqual([usualHits(0, { experts: 8, used: 2 }), usualHits(9, { experts: 8, used: 2 })], [0, 1]);
});

test('usual hits are those that were published, and fewer where a token uses a larger part of the experts', () => {
  const published = { 0.05: 0.4, 0.12: 0.6, 0.2: 0.72, 0.3: 0.81, 0.45: 0.89, 0.64: 0.93 };
  for (const [share, hits] of Object.entries(published)) {
    const found = usualHits(128 * Number(share), { experts: 128, used: 6 });
    assert.ok(Math.abs(found - hits) < 0.015, `${share}: ${found}`);
  }
  assert.ok(usualHits(4, { experts: 16, used: 4 }) < 0.55);
});

const anyCurve: fc.Arbitrary<HitCurve> = fc
  .record({ depths: fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }), cold: fc.nat(100) })
  .map(({ depths, cold }) => ({ depths, asked: depths.reduce((sum, uses) => sum + uses, cold) }));

test('hits of a curve rise with the slots, from none to all uses but the first ones', () => {
  fc.assert(
    fc.property(anyCurve, (curve) => {
      const { asked, depths } = curve;
      fc.pre(asked > 0);
      const router = { experts: depths.length, used: 1 };
      const shares = Array.from({ length: depths.length + 1 }, (_, slots) => hitsOf([curve])(slots, router));
      assert.equal(shares[0], 0);
      for (const [i, share] of shares.slice(1).entries()) {
        close(share * asked, (shares[i] ?? 0) * asked + (depths[i] ?? 0));
      }
      assert.equal(hitsOf([curve])(2 * depths.length, router), shares.at(-1));
    }),
  );
});

test('routers of another number of experts, and a curve without uses, have the usual hits', () => {
  const curve = { asked: 10, depths: [1, 2, 3, 4] };
  const four: RouterSize = { experts: 4, used: 2 };
  const eight: RouterSize = { experts: 8, used: 2 };
  assert.equal(hitsOf([curve])(2, four), 0.3);
  assert.equal(hitsOf([curve])(2, eight), usualHits(2, eight));
  assert.equal(hitsOf([{ asked: 0, depths: [0, 0, 0, 0] }])(2, four), usualHits(2, four));
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
