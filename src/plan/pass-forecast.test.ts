import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { usualHits } from './hit-curve.ts';
import type { ManifestEntry } from './manifest.ts';
import { type ForecastParts, forecastFirstToken, forecastPass } from './pass-forecast.ts';
import type { Placement, Plan } from './plan.ts';
import { forecastDecode, type Speeds } from './token-forecast.ts';

const close = (a: number, b: number): void => assert.ok(Math.abs(a - b) <= 1e-9 * Math.abs(b), `${a} is not ${b}`);

const speeds: Speeds = { read: 1e6, plain: 1e4, converted: 1e4, step: 0, stepAwake: 0, further: 0.25 };

function partsOf(manifest: readonly ManifestEntry[], kind: Placement['kind'], rest: Partial<Plan> = {}): ForecastParts {
  const plan = {
    slices: manifest.map(({ weight }, id) => ({ id, weight, row: 0, shape: weight.shape, extent: weight.extent })),
    placements: manifest.map(() => ({ kind, offset: 0, bytes: 0, order: 0 })),
    streamed: [],
    bytesPerPass: 0,
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
  const streamed = partsOf([dense], 'ring', { streamed: [0], bytesPerPass: 5e6 });
  close(forecastPass(streamed, 1), 5);
  close(forecastPass(streamed, 7), 5);
  close(forecastPass(streamed, 25), 14);
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
