import assert from 'node:assert/strict';
import test from 'node:test';
import { type ExpertPass, promptAtBest, secondsAtBest } from './expert-trace.ts';

const pass = (layers: readonly (readonly [missedBytes: number, hitSeconds: number])[]): ExpertPass => ({
  seconds: 9,
  compute: 4,
  waited: 5,
  layers: layers.map(([missedBytes, hitSeconds]) => ({ asked: 2, hits: 1, missedBytes, hitSeconds })),
});

test('a token at best computes the hits of a layer while its misses are read', () => {
  assert.equal(secondsAtBest(pass([[0, 1]]), 100), 4, 'nothing is read');
  assert.equal(secondsAtBest(pass([[50, 1]]), 100), 4, 'reading hides behind hits');
  assert.equal(secondsAtBest(pass([[300, 1]]), 100), 6, 'hits hide behind reading');
  const twice = pass([
    [300, 1],
    [50, 1],
  ]);
  assert.equal(secondsAtBest(twice, 100), 6, 'layers do not make up for each other');
});

test('a prompt at best computes and reads side by side', () => {
  const layers = [
    [300, 1],
    [500, 0],
  ] as const;
  assert.equal(promptAtBest(pass(layers), 100), 8);
  assert.equal(promptAtBest(pass(layers), 1000), 4);
});
