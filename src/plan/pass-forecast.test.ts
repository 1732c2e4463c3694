import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { usualHits } from './hit-curve.ts';
import type { Speeds } from './machine-speeds.ts';
import type { ManifestEntry } from './manifest.ts';
import { type ForecastParts, forecastFirstToken, forecastPass } from './pass-forecast.ts';
import type { Placement, Plan } from './plan.ts';
import { forecastDecode } from './token-forecast.ts';

/** Equal but for what is done between passes, which takes next to nothing. */
const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-3 * Math.abs(b), `${a} is not ${b}`);

const reads = { each: 0, core: 0, coreByte: 0 };
const kernels = {
  plain: 1e4,
  converted: 1e4,
  step: 0,
  ring: [],
  experts: null,
  half: { step: 0, ring: [], experts: null, slower: 2 },
  further: 0.25,
  rest: 0,
  choice: 0,
};
const speeds: Speeds = { ...kernels, read: 1e6, reads };

function partsOf(manifest: readonly ManifestEntry[], kind: Placement['kind'], rest: Partial<Plan> = {}): ForecastParts {
  const plan = {
    slices: manifest.map(({ weight }, id) => ({ id, weight, row: 0, shape: weight.shape, extent: weight.extent })),
    placements: manifest.map(() => ({ kind, offset: 0, bytes: 0, order: 0 })),
    streamed: [],
    bytesPerPass: 0,
    kvReads: 0,
    kvOnSsd: 0,
    parallel: 1,
    context: 1024,
    batch: 8,
    ...rest,
  } as Partial<Plan> as Plan;
  return { plan, manifest, speeds, factors: {}, hitRate: usualHits };
}

const dense = { weight: weightOf('dense', 'f32', [100, 50]), streamable: true };

test('tokens of a pass share its reading, and each further one costs a part of the first', () => {
  const parts = partsOf([dense], 'resident');
  close(forecastPass(parts, 1), 2);
  close(forecastPass(parts, 9), 2 * (1 + 8 * 0.25));
  const streamed = partsOf([dense], 'ring', { streamed: [0], stepBytes: 1e9, kvOnSsd: 5e7 - 20480, context: 256 });
  close(forecastPass(streamed, 1), 50);
  close(forecastPass(streamed, 7), 50);
  close(forecastPass(streamed, 225), 114);
});

test('passes of each size are computed with as many threads as are faster', () => {
  const parts = partsOf([dense], 'ring', { streamed: [0], stepBytes: 1e9 });
  const halved = { ...speeds, step: 10, half: { ...speeds.half, step: 1 } };
  // Steps of half of the threads take a tenth of the time, products twice as long.
  for (const tokens of [2, 9])
    close(forecastPass({ ...parts, speeds: halved }, tokens), 1 + 4 * (1 + (tokens - 1) * 0.25));
  close(forecastPass({ ...parts, speeds: halved }, 33), 10 + 2 * (1 + 32 * 0.25));
});

test('the first token waits for residents, and for a pass for each batch of the prompt', () => {
  close(forecastFirstToken(partsOf([dense], 'resident'), 20), 5.5 + 5.5 + 3.5);
  const slow = { ...partsOf([dense], 'resident'), speeds: { ...speeds, read: 1e3 } };
  close(forecastFirstToken(slow, 8), 20);
  close(forecastFirstToken(slow, 16), 20 + 5.5);
});

test('a prompt uses more experts than a token does, and reads those that have no slots', () => {
  const bank = { weight: weightOf('up', 'f32', [100, 10, 8]), streamable: false, experts: { router: 0, used: 2 } };
  const slots = partsOf([dense, bank], 'experts', { experts: { slots: 4, banks: [] } });
  const slow = { ...slots, speeds: { ...speeds, read: 100 } };
  const [expert, used] = [4000, 8 * (1 - 0.75 ** 16)];
  close(forecastPass(slow, 16), (used * 0.5 * expert) / 100);
  close(forecastPass(slow, 16, true), (used * expert) / 100);
  const one = forecastDecode(slow.plan, slow.manifest, slow.speeds, usualHits).seconds;
  close(forecastPass(slow, 1), one);
});
