import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { timelineOf } from './pass-timeline.ts';

test('the bars of a lane cover all of its intervals, are in order and are few', () => {
  const anySteps = fc.array(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 50 })));
  fc.assert(
    fc.property(anySteps, (intervals) => {
      const steps = intervals.map(([begin, length]) => ({
        requested: begin,
        begin,
        end: begin + length,
        layer: undefined,
      }));
      const { computing, computing_s } = timelineOf({ decoding: 1, prompts: 0, begin: 0, end: 2000, reads: [], steps });
      for (const { begin, end } of steps) {
        assert.ok(computing.some(([from, to]) => from <= begin / 1000 + 1e-5 && end / 1000 <= to + 1e-5));
      }
      for (const [i, [from, to]] of computing.entries())
        assert.ok(from < to && (i === 0 || from > (computing[i - 1]?.[1] ?? 0)));
      assert.ok(computing.length <= 400 && computing_s <= 2);
    }),
  );
});

test('a timeline has the seconds of reading, waiting and computing, whatever lies over each other', () => {
  const timeline = timelineOf({
    decoding: 1,
    prompts: 0,
    begin: 1000,
    end: 3000,
    // The first began before the pass, the last two overlap.
    reads: [
      { begin: 500, end: 1500, bytes: 100 },
      { begin: 2000, end: 2500, bytes: 60 },
      { begin: 2250, end: 2750, bytes: 60 },
      { begin: 3500, end: 3600, bytes: 1 },
    ],
    steps: [
      { requested: 1000, begin: 1500, end: 1750, layer: 'blk.0' },
      { requested: 1750, begin: 1750, end: 2000, layer: undefined },
      { requested: 2000, begin: 2750, end: 3000, layer: 'blk.0' },
      { requested: 3000, begin: 3000, end: 3000, layer: 'blk.1' },
    ],
  });
  assert.deepEqual(timeline, {
    answer_tokens: 1,
    prompt_tokens: 0,
    seconds: 2,
    bytes: 170,
    reading_s: 1.25,
    waiting_s: 1.25,
    computing_s: 0.75,
    bound: 'reading',
    reading: [
      [0, 0.5],
      [1, 1.75],
    ],
    waiting: [
      [0, 0.5],
      [1, 1.75],
    ],
    computing: [
      [0.5, 1],
      [1.75, 2],
    ],
    layers: [
      [0, 'blk.0'],
      [2, 'blk.1'],
    ],
  });
});

test('however many steps a pass has, its bars are few', () => {
  const steps = Array.from({ length: 20_000 }, (_, i) => ({
    requested: i,
    begin: i + 0.4,
    end: i + 0.6,
    layer: undefined,
  }));
  const { waiting, computing } = timelineOf({ decoding: 1, prompts: 0, begin: 0, end: 20_000, reads: [], steps });
  assert.ok(waiting.length <= 400 && computing.length <= 400);
});
