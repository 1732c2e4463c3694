import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand } from '../../test/support/demands.ts';
import { weightOf } from '../../test/support/weights.ts';
import { usualHits } from './hit-curve.ts';
import { makePlan } from './make-plan.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Placement, Plan } from './plan.ts';
import { type Factors, forecastDecode, type Speeds } from './token-forecast.ts';

const close = (a: number, b: number, far = 1e-9): void =>
  assert.ok(Math.abs(a - b) <= far * Math.abs(b), `${a} is not ${b}`);
/** Times of steps that take next to nothing between them. */
const about = (a: number, b: number): void => close(a, b, 1e-3);

const speeds: Speeds = { read: 1e3, plain: 1e4, converted: 2e4, step: 0, stepAwake: 0, further: 0.2 };

const planOf = (manifest: readonly ManifestEntry[], placements: readonly Placement[], rest: Partial<Plan> = {}): Plan =>
  ({
    slices: manifest.map(({ weight }, id) => ({ id, weight, row: 0, shape: weight.shape, extent: weight.extent })),
    placements,
    streamed: [],
    bytesPerPass: 0,
    experts: undefined,
    ...rest,
  }) as Partial<Plan> as Plan;

test('a plan is forecast by its weights: those of all tokens, experts that a token uses, and whatever is read', () => {
  const dense = { weight: weightOf('dense', 'f32', [100, 50]), streamable: true };
  const bank = (name: string, router: number) => ({
    weight: weightOf(name, 'f32', [100, 10, 8]),
    streamable: false,
    experts: { router, used: 2 },
  });
  const mixture = [dense, bank('gate', 0), bank('down', 0), bank('up', 1)];
  const [all, expert] = [20_000, 4000];
  const resident = { kind: 'resident', offset: 0 } as const;
  const converted = { kind: 'converted', bytes: 1 } as const;
  const forecast = (placements: readonly Placement[], rest?: Partial<Plan>) =>
    forecastDecode(planOf(mixture, placements, rest), mixture, speeds, usualHits);
  // Two experts of a router with two matrices, and two of one with one.
  const whole = forecast([converted, resident, resident, converted]);
  close(whole.computing, all / 2e4 + (4 * expert) / 1e4 + (2 * expert) / 2e4);
  assert.deepEqual([whole.seconds, whole.reading], [whole.computing, 0]);
  const slots = { kind: 'experts' } as const;
  const half = { experts: { slots: 4, banks: [] } };
  const placements = [resident, slots, slots, slots];
  const missed = (1 - usualHits(4, 8)) * 6 * expert;
  about(forecast(placements, half).seconds, all / 1e4 + missed / 1e3 + missed / 1e4);
  close(forecast(placements, { ...half, bytesPerPass: 1e6 }).seconds, (1e6 + missed) / 1e3);
});

test('each step of a pass takes its time', () => {
  const manifest = Array.from({ length: 6 }, (_, i) => ({
    weight: weightOf(`m${i}`, 'f32', [64, 4], i * 1024),
    streamable: true,
  }));
  const ring = manifest.map((_, order) => ({ kind: 'ring', order }) as const);
  const within = (stepBytes: number): number => {
    const plan = planOf(manifest, ring, { streamed: [...manifest.keys()], stepBytes });
    const { computing, streaming } = forecastDecode(plan, manifest, { ...speeds, step: 100 }, usualHits);
    assert.equal(computing, 0);
    return streaming;
  };
  const products = (6 * 1024) / 1e4;
  about(within(1024), 600 + products);
  about(within(2500), 300 + products);
  close(within(1e6), 100 + products);
});

test('where there are many steps, threads stay awake between them', () => {
  const bank = { weight: weightOf('gate', 'f32', [100, 10, 8]), streamable: false };
  const computing = (routers: number, placement: Placement): number => {
    const manifest = Array.from({ length: routers }, (_, router) => ({ ...bank, experts: { router, used: 2 } }));
    const experts = placement.kind === 'experts' ? { slots: 7, banks: [] } : undefined;
    const plan = planOf(manifest, Array(routers).fill(placement), { experts });
    const times = { ...speeds, step: 100, stepAwake: 10 };
    // All are found: each layer has the fewest steps.
    return forecastDecode(plan, manifest, times, () => 1).computing - (routers * 2 * 4000) / 1e4;
  };
  about(computing(10, { kind: 'experts' }), 100 * (1 + 3 * 10));
  about(computing(11, { kind: 'experts' }), 10 * (1 + 3 * 11));
  close(computing(11, { kind: 'resident', offset: 0 }), 100);
});

const anyRate = fc.double({ min: 1e6, max: 1e10, noNaN: true });
const anyStep = fc.double({ min: 0, max: 1e-3, noNaN: true });
const anySpeeds: fc.Arbitrary<Speeds> = fc.record({
  read: anyRate,
  plain: anyRate,
  converted: anyRate,
  step: anyStep,
  stepAwake: anyStep,
  further: fc.constant(0.2),
});

test('a token of any plan takes no less than each of its parts, and no more than all of them', () => {
  fc.assert(
    fc.property(anyDemand, anySpeeds, fc.double({ min: 0, max: 1, noNaN: true }), (demand, speeds, hits) => {
      const forecast = forecastDecode(makePlan(demand), demand.manifest, speeds, () => hits);
      const { seconds, reading, computing, streaming } = forecast;
      assert.ok(seconds >= Math.max(reading, computing + streaming) * (1 - 1e-9));
      assert.ok(seconds <= (reading + computing + streaming) * (1 + 1e-9));
    }),
    { numRuns: 50 },
  );
});

test('a part that takes longer than speeds say makes the token longer by itself alone', () => {
  const stays = { weight: weightOf('stays', 'f32', [64, 4]), streamable: true };
  const streams = { weight: weightOf('streams', 'f32', [64, 8], 1024), streamable: true };
  const placements = [{ kind: 'resident', offset: 0 } as const, { kind: 'ring', order: 0 } as const];
  const plan = planOf([stays, streams], placements, { streamed: [1], stepBytes: 1e6 });
  const tokenWith = (factors: Factors): number =>
    forecastDecode(plan, [stays, streams], { ...speeds, step: 1 }, usualHits, factors).seconds;
  const [stay, stream] = [1024 / 1e4, 2048 / 1e4 + 1];
  close(tokenWith({}), stay + stream);
  close(tokenWith({ streaming: 3 }), stay + 3 * stream);
  close(tokenWith({ computing: 3, streaming: 1 }), 3 * stay + stream);
  // Where nobody has seen weights stream, they are as slow as the others.
  close(tokenWith({ computing: 3 }), 3 * stay + 3 * stream);
});

test('more hits never make a token longer', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(anyDemand, anySpeeds, share, share, (demand, speeds, a, b) => {
      const plan = makePlan(demand);
      const of = (hits: number): number => forecastDecode(plan, demand.manifest, speeds, () => hits).seconds;
      assert.ok(of(Math.max(a, b)) <= of(Math.min(a, b)) * (1 + 1e-9));
    }),
    { numRuns: 50 },
  );
});
