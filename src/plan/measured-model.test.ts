import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { anyDemand } from '../../test/support/demands.ts';
import { makePlan } from './make-plan.ts';
import { expectToken, isDoubtful, learn, type MeasuredModel, type MeasuredRun, undisturbed } from './measured-model.ts';
import { forecastDecode } from './token-forecast.ts';

const anyRate = fc.double({ min: 1e7, max: 1e10, noNaN: true });
const anyStep = fc.double({ min: 1e-6, max: 1e-3, noNaN: true });
const anyBeside = fc.option(fc.record({ read: anyRate, bytes: anyRate, core: fc.constant(1e-11) }));
const anyRing = fc.array(fc.record({ read: anyRate, bytes: anyRate, core: fc.constant(1e-11) }), { maxLength: 3 });
const anyModel: fc.Arbitrary<MeasuredModel> = fc
  .record({
    read: anyRate,
    plain: anyRate,
    converted: anyRate,
    step: anyStep,
    ring: anyRing,
    experts: anyBeside,
    half: fc.record({
      ...{ step: anyStep, ring: anyRing, experts: anyBeside },
      slower: fc.double({ min: 1, max: 4, noNaN: true }),
    }),
    further: fc.constant(0.2),
    rest: anyStep,
    choice: anyStep,
    reads: fc.record({ each: anyStep, core: anyStep, coreByte: fc.constant(1e-11) }),
  })
  .map((speeds) => ({ speeds, factors: {}, hits: [], disturbed: undisturbed }));
/** Times that a token takes longer than expected, and the share of it that is waiting. */
const anyLuck = fc.record({
  longer: fc.double({ min: 0.3, max: 5, noNaN: true }),
  waiting: fc.double({ min: 0, max: 1, noNaN: true }),
});
const within = { numRuns: 50 };
const someSpeeds: MeasuredModel['speeds'] = {
  ...{ read: 1, reads: { each: 0, core: 0, coreByte: 0 } },
  ...{
    plain: 1,
    converted: 1,
    step: 0,
    ring: [],
    experts: null,
    half: { step: 0, ring: [], experts: null, slower: 1 },
    further: 0.2,
    rest: 0,
    choice: 0,
  },
};

test('after a run, the same plan is expected to take as long again', () => {
  fc.assert(
    fc.property(anyDemand, anyModel, anyLuck, (demand, model, { longer, waiting }) => {
      const [plan, { manifest }] = [makePlan(demand), demand];
      const seconds = longer * 10 * expectToken(model, plan, manifest).seconds;
      const run: MeasuredRun = { tokens: 10, seconds, waited: waiting * seconds, hits: [], disturbed: false };
      const learnt = learn(model, run, plan, manifest);
      fc.pre(!isDoubtful(learnt));
      const again = expectToken(learnt, plan, manifest).seconds;
      assert.ok(Math.abs(again / (seconds / 10) - 1) < 1e-3, `${again} after ${seconds / 10}`);
      // Another run counts, not the first one.
      const next = learn(learnt, { ...run, seconds: 2 * seconds, waited: 0 }, plan, manifest);
      fc.pre(!isDoubtful(next));
      assert.ok(Math.abs(expectToken(next, plan, manifest).seconds / (seconds / 5) - 1) < 1e-3);
    }),
    within,
  );
});

test('a run that waited says nothing of computing that was expected to take less', () => {
  fc.assert(
    fc.property(anyDemand, anyModel, anyLuck, (demand, model, { longer }) => {
      const [plan, { manifest }] = [makePlan(demand), demand];
      const { seconds, reading, computing, streaming } = forecastDecode(plan, manifest, model.speeds, () => 0);
      fc.pre(reading > 0 && !plan.experts);
      const run = {
        tokens: 10,
        seconds: 10 * longer * seconds,
        waited: 9 * longer * seconds,
        hits: [],
        disturbed: false,
      };
      const { factors } = learn(model, run, plan, manifest);
      fc.pre(computing + streaming < longer * seconds);
      assert.deepEqual(Object.keys(factors), ['reading']);
    }),
    within,
  );
});

test('a run says how long its longer part of computing takes, of weights that stream or of those that stay', () => {
  fc.assert(
    fc.property(anyDemand, anyModel, anyLuck, (demand, model, { longer }) => {
      const [plan, { manifest }] = [makePlan(demand), demand];
      const { seconds, reading, computing, streaming } = forecastDecode(plan, manifest, model.speeds, () => 0);
      fc.pre(!plan.experts && reading < longer * seconds && Math.min(computing, streaming) < longer * seconds);
      fc.pre(longer >= 1 || reading < computing + streaming);
      const run = { tokens: 10, seconds: 10 * longer * seconds, waited: 0, hits: [], disturbed: false };
      const { factors } = learn(model, run, plan, manifest);
      assert.deepEqual(Object.keys(factors), [streaming > computing ? 'streaming' : 'computing']);
    }),
    within,
  );
});

test('a run that is faster than expected, which was limited by reading, leaves computing as it was', () => {
  fc.assert(
    fc.property(anyDemand, anyModel, fc.double({ min: 0, max: 0.9, noNaN: true }), (demand, model, part) => {
      const [plan, { manifest }] = [makePlan(demand), demand];
      const { seconds, reading, computing, streaming } = forecastDecode(plan, manifest, model.speeds, () => 0);
      const others = computing + streaming;
      fc.pre(!plan.experts && reading > 1.1 * others);
      const token = 1.05 * others + part * (seconds - 1.05 * others);
      const run = { tokens: 10, seconds: 10 * token, waited: 0, hits: [], disturbed: false };
      const { factors } = learn(model, run, plan, manifest);
      assert.deepEqual(Object.keys(factors), ['reading']);
    }),
    within,
  );
});

test('factors far from 1 are doubtful', () => {
  const speeds = { ...someSpeeds, further: 1 };
  const model = (factors: MeasuredModel['factors']): MeasuredModel => ({
    speeds,
    factors,
    hits: [],
    disturbed: undisturbed,
  });
  assert.ok(!isDoubtful(model({})) && !isDoubtful(model({ reading: 4, streaming: 0.25 })));
  assert.ok(isDoubtful(model({ computing: 6 })) && isDoubtful(model({ reading: 1, streaming: 0.1 })));
});

test('a run changes factors no further than is likely, however long or short it was', () => {
  const anySeconds = fc.double({ min: 0, max: 1e9, noNaN: true });
  fc.assert(
    fc.property(anyDemand, anyModel, anySeconds, anyLuck, (demand, model, seconds, { waiting }) => {
      const run = { tokens: 10, seconds, waited: waiting * seconds, hits: [], disturbed: false };
      const factors = Object.values(learn(model, run, makePlan(demand), demand.manifest).factors);
      assert.ok(factors.length > 0 && factors.every((factor) => factor >= 1 / 8 && factor <= 8), `${factors}`);
    }),
    within,
  );
});

test('a few tokens say which experts are used, not how long a token takes', () => {
  fc.assert(
    fc.property(anyDemand, anyModel, (demand, model) => {
      const curve = { asked: 3, depths: [1, 1] };
      const run = { tokens: 3, seconds: 100, waited: 0, hits: [curve], disturbed: false };
      const { factors, hits } = learn(model, run, makePlan(demand), demand.manifest);
      assert.deepEqual([factors, hits], [{}, [curve]]);
    }),
    within,
  );
});

test('hits of all runs count, those of long ago less than the last ones', () => {
  const demand = fc.sample(anyDemand, { numRuns: 1, seed: 1 })[0] ?? assert.fail();
  const plan = makePlan(demand);
  const run = (depths: readonly number[]): MeasuredRun => ({
    tokens: 3,
    seconds: 1,
    waited: 0,
    hits: [{ asked: depths.reduce((a, b) => a + b), depths }],
    disturbed: false,
  });
  const speeds = someSpeeds;
  const told = (...runs: readonly (readonly number[])[]): readonly number[] => {
    const model = runs.reduce<MeasuredModel>((model, depths) => learn(model, run(depths), plan, demand.manifest), {
      speeds,
      factors: {},
      hits: [],
      disturbed: undisturbed,
    });
    return model.hits[0]?.depths ?? assert.fail();
  };
  assert.deepEqual(told([10, 20], [1, 2]), [11, 22]);
  const many = 2 ** 20;
  assert.deepEqual(told([many, 0], [0, many]), [2 ** 17, many]);
});

test('a run that other work was in the way of counts only until there is one in peace', () => {
  fc.assert(
    fc.property(anyDemand, anyModel, anyLuck, (demand, model, { longer }) => {
      const [plan, { manifest }] = [makePlan(demand), demand];
      const token = longer * expectToken(model, plan, manifest).seconds;
      const runOf = (token: number, disturbed: boolean): MeasuredRun => ({
        ...{ tokens: 10, seconds: 10 * token, waited: 0, hits: [], disturbed },
      });
      const expected = (known: MeasuredModel): number => expectToken(known, plan, manifest).seconds / token;
      const busy = learn(model, runOf(3 * token, true), plan, manifest);
      const quiet = learn(busy, runOf(token, false), plan, manifest);
      assert.deepEqual([busy.disturbed.run, quiet.disturbed.run], [true, false]);
      fc.pre(![busy, quiet].some(isDoubtful));
      assert.ok(Math.abs(expected(busy) - 3) < 1e-2, `${expected(busy)}`);
      assert.ok(Math.abs(expected(quiet) - 1) < 1e-2, `${expected(quiet)}`);
      assert.deepEqual(learn(quiet, runOf(5 * token, true), plan, manifest), quiet);
    }),
    within,
  );
});
