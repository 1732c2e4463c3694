import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand } from '../../test/support/demands.ts';
import { weightOf } from '../../test/support/weights.ts';
import { usualHits } from './hit-curve.ts';
import { type Speeds, withHalf } from './machine-speeds.ts';
import { makePlan } from './make-plan.ts';
import type { ManifestEntry } from './manifest.ts';
import type { Placement, Plan } from './plan.ts';
import { type Factors, forecastAllThreads, forecastDecode } from './token-forecast.ts';

/** Equal but for what is done between passes and steps, which takes next to nothing. */
const about = (a: number, b: number): void =>
  assert.ok(Math.abs(a - b) <= 5e-3 * Math.max(1, Math.abs(b)), `${a} is not ${b}`);

const free = { each: 0, core: 0, coreByte: 0 };
/** Half of the threads are of no use here. */
const half = { step: 0, ring: [], experts: null, slower: 1e3 };
const kernels = {
  plain: 1e4,
  converted: 2e4,
  step: 0,
  ring: [],
  experts: null,
  half,
  further: 0.2,
  rest: 0,
  choice: 0,
};
const speeds: Speeds = { ...kernels, read: 1e3, reads: free };

const planOf = (manifest: readonly ManifestEntry[], placements: readonly Placement[], rest: Partial<Plan> = {}): Plan =>
  ({
    slices: manifest.map(({ weight }, id) => ({ id, weight, row: 0, shape: weight.shape, extent: weight.extent })),
    placements,
    streamed: [],
    bytesPerPass: 0,
    kvReads: 0,
    kvOnSsd: 0,
    parallel: 1,
    context: 1024,
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
  about(whole.computing, all / 2e4 + (4 * expert) / 1e4 + (2 * expert) / 2e4);
  assert.deepEqual([whole.seconds, whole.reading], [whole.computing, 0]);
  const slots = { kind: 'experts' } as const;
  const slotted = { experts: { slots: 4, banks: [] } };
  const placements = [resident, slots, slots, slots];
  const misses = 1 - usualHits(4, { experts: 8, used: 2 });
  const missed = misses * 6 * expert;
  // One that is there is computed while the other is read.
  about(
    forecast(placements, slotted).seconds,
    all / 1e4 + missed / 1e3 + (6 * expert * (misses + (1 - misses) ** 2)) / 1e4,
  );
  about(forecast(placements, { ...slotted, kvOnSsd: 1e6, context: 512 }).seconds, (1e6 + missed) / 1e3);
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
    about(computing, 0);
    return streaming;
  };
  const products = (6 * 1024) / 1e4;
  about(within(4096), 600 + products);
  about(within(2.5 * 4096), 300 + products);
  about(within(1e6), 100 + products);
});

test('a layer of experts takes steps for each round in which they are computed', () => {
  const manifest = [0, 1, 2].map((router) => ({
    weight: weightOf('gate', 'f32', [100, 10, 8]),
    streamable: false,
    experts: { router, used: 4 },
  }));
  const steps = (slots: number, hits: number): number => {
    const plan = planOf(manifest, Array(3).fill({ kind: 'experts' }), { experts: { slots, banks: [] } });
    return (forecastDecode(plan, manifest, { ...speeds, step: 100 }, () => hits).once - 1e-3) / 100;
  };
  about(steps(8, 0), 1 + 3 * 3);
  about(steps(7, 1), 1 + 3 * 3);
  // In one of two rounds those are computed that are there; where slots are few, each has its own.
  about(steps(7, 0.5), 1 + 3 * (3 + 2 * (1 - 2 / 16)));
  about(steps(2, 0.5), 1 + 3 * (3 + 2 * 3 * (1 - 1 / 16)));
});

test('half of the threads compute where all are in the way of each other in each step', () => {
  const manifest = [{ weight: weightOf('m', 'f32', [64, 4]), streamable: true }];
  const ring = { streamed: [0], stepBytes: 4096 };
  const of = (half: Speeds['half']) => {
    const known = { ...speeds, read: 1e9, step: 5, half };
    const plan = planOf(manifest, [{ kind: 'ring', order: 0 }], ring);
    const [token, all] = [
      forecastDecode(plan, manifest, known, usualHits),
      forecastAllThreads(plan, manifest, known, usualHits),
    ];
    assert.equal(
      token.seconds,
      Math.min(all.seconds, forecastAllThreads(plan, manifest, withHalf(known), usualHits).seconds),
    );
    return token.half;
  };
  assert.deepEqual(
    [of({ ...half, step: 1, slower: 2 }), of({ ...half, step: 4.9, slower: 2 }), of({ ...half, step: 1, slower: 100 })],
    [true, false, false],
  );
});

const anyRate = fc.double({ min: 1e6, max: 1e10, noNaN: true });
const anyStep = fc.double({ min: 0, max: 1e-3, noNaN: true });
const anyReads = fc.record({ read: anyRate, bytes: anyRate, core: fc.double({ min: 0, max: 1e-10, noNaN: true }) });
const anySpeeds: fc.Arbitrary<Speeds> = fc.record({
  read: anyRate,
  plain: anyRate,
  converted: anyRate,
  step: anyStep,
  ring: fc.array(anyReads, { maxLength: 3 }),
  experts: fc.option(anyReads),
  half: fc.record({
    ...{ step: anyStep, ring: fc.array(anyReads, { maxLength: 3 }), experts: fc.option(anyReads) },
    slower: fc.double({ min: 1, max: 4, noNaN: true }),
  }),
  further: fc.constant(0.2),
  rest: anyStep,
  choice: anyStep,
  reads: fc.record({ each: anyStep, core: anyStep, coreByte: fc.double({ min: 0, max: 1e-10, noNaN: true }) }),
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
    forecastDecode(plan, [stays, streams], { ...speeds, read: 1e8, step: 1 }, usualHits, factors).seconds;
  const [stay, stream] = [1024 / 1e4, 2048 / 1e4 + 1];
  about(tokenWith({}), stay + stream);
  about(tokenWith({ streaming: 3 }), stay + 3 * stream);
  about(tokenWith({ computing: 3, streaming: 1 }), 3 * stay + stream);
  // Where nobody has seen weights stream, they are as slow as the others.
  about(tokenWith({ computing: 3 }), 3 * stay + 3 * stream);
});

test('reads take the time of the storage, and of a core that computing does without', () => {
  // Each lies across two pages.
  const manifest = [0, 1, 2].map((i) => ({
    weight: weightOf(`m${i}`, 'f32', [64, 4], 4000 + i * 8192),
    streamable: true,
  }));
  const ring = manifest.map((_, order) => ({ kind: 'ring', order }) as const);
  const streams = { streamed: [...manifest.keys()], stepBytes: 1e6 };
  const of = (reads: Speeds['reads'], rest: Partial<Plan> = {}) =>
    forecastDecode(planOf(manifest, ring, { ...streams, ...rest }), manifest, { ...speeds, reads }, usualHits);
  const [pages, computed] = [3 * 8192, of(free).streaming];
  about(of(free).reading, pages / 1e3);
  about(of({ ...free, each: 10 }).reading, pages / 1e3 + 30);
  about(of({ ...free, core: 10, coreByte: 0.1 }).streaming, computed + 30 + 0.1 * pages);
  // As they were seen to be, where they were.
  const seen = { ring: [{ read: 500, bytes: 8192, core: 0.2 }], reads: { each: 10, core: 10, coreByte: 0.1 } };
  const beside = forecastAllThreads(planOf(manifest, ring, streams), manifest, { ...speeds, ...seen }, usualHits);
  about(beside.reading, pages / 500);
  about(beside.streaming, computed + 0.2 * pages);
  const kv = { kvReads: 4, kvOnSsd: 2 * 4 * 65536, parallel: 2, context: 1024 };
  about(of({ ...free, each: 10 }, kv).reading, (pages + 2 * 65536) / 1e3 + 70);
  // Experts are read, too: those that are missed.
  const bank = { weight: weightOf('up', 'f32', [100, 10, 8]), streamable: false, experts: { router: 0, used: 2 } };
  const plan = planOf([bank], [{ kind: 'experts' }], { experts: { slots: 4, banks: [] } });
  const token = (core: number): number =>
    forecastDecode(plan, [bank], { ...speeds, reads: { ...free, core } }, () => 0.25).computing;
  about(token(10) - token(0), 1.5 * 10);
});

test('where computing and reading take as long, neither hides behind the other all the time', () => {
  const streams = { weight: weightOf('streams', 'f32', [1024, 10]), streamable: true };
  const plan = planOf([streams], [{ kind: 'ring', order: 0 }], { streamed: [0], stepBytes: 1e6 });
  const computing = 40_960 / 1e4;
  const by = (read: number): number =>
    forecastDecode(plan, [streams], { ...speeds, read }, usualHits).seconds / computing;
  assert.ok(Math.abs(by(1e4) - 1.25) < 0.01, `${by(1e4)}`);
  assert.ok(Math.abs(by(1e8) - 1) < 0.01);
  assert.ok(Math.abs(by(1e2) / 100 - 1) < 0.01);
});

test('a token takes its operations beside products, and a pass what it takes once', () => {
  const stays = { weight: weightOf('stays', 'f32', [64, 400]), streamable: true };
  const plan = planOf([stays], [{ kind: 'resident', offset: 0 }]);
  const of = (rest: number, choice: number, step: number) =>
    forecastDecode(plan, [stays], { ...speeds, rest, choice, step }, usualHits);
  const none = of(0, 0, 0);
  about(of(3, 40, 500).seconds - none.seconds, 543);
  about(of(3, 40, 500).once - none.once, 540);
});

test('more hits never make a token longer, but for steps of more rounds', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(anyDemand, anySpeeds, share, share, (demand, speeds, a, b) => {
      const plan = makePlan(demand);
      const free = { ...speeds, step: -9e-5, half: { ...speeds.half, step: -9e-5 } };
      const of = (hits: number): number => forecastDecode(plan, demand.manifest, free, () => hits).seconds;
      assert.ok(of(Math.max(a, b)) <= of(Math.min(a, b)) * (1 + 1e-9));
    }),
    { numRuns: 50 },
  );
});

test('a faster machine never makes a token longer, and no figure is none', () => {
  const times = fc.double({ min: 1, max: 8, noNaN: true });
  fc.assert(
    fc.property(
      anyDemand,
      anySpeeds,
      times,
      fc.constantFrom('read', 'plain', 'converted'),
      (demand, speeds, times, rate) => {
        const plan = makePlan(demand);
        const of = (speeds: Speeds) => forecastDecode(plan, demand.manifest, speeds, usualHits);
        const [slow, fast] = [of(speeds), of({ ...speeds, [rate]: times * (speeds[rate] ?? 1) })];
        assert.ok(fast.seconds <= slow.seconds * (1 + 1e-9));
        const { half: _, ...figures } = slow;
        assert.ok(Object.values(figures).every((figure) => Number.isFinite(figure) && figure >= 0));
      },
    ),
    { numRuns: 50 },
  );
});

test('steps, reads and operations that take longer never make a token shorter', () => {
  fc.assert(
    fc.property(anyDemand, anySpeeds, anySpeeds, (demand, a, b) => {
      const plan = makePlan(demand);
      const slower: Speeds = {
        ...a,
        step: Math.max(a.step, b.step),
        half: {
          ...a.half,
          step: Math.max(a.half.step, b.half.step),
          slower: Math.max(a.half.slower, b.half.slower),
        },
        rest: Math.max(a.rest, b.rest),
        choice: Math.max(a.choice, b.choice),
        reads: { ...a.reads, each: Math.max(a.reads.each, b.reads.each), core: Math.max(a.reads.core, b.reads.core) },
      };
      const of = (speeds: Speeds): number => forecastDecode(plan, demand.manifest, speeds, usualHits).seconds;
      assert.ok(of(a) <= of(slower) * (1 + 1e-9));
    }),
    { numRuns: 50 },
  );
});
