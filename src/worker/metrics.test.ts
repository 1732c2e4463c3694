import assert from 'node:assert/strict';
import test from 'node:test';
import { idleState, zeroTotals } from '../engine/engine-totals.ts';
import { metricsOf, type ServerCounts } from './metrics.ts';

test('the device that computes is told, and the bytes that a GPU has', () => {
  const counts = { outcomes: new Map(), pending: 0, sums: zeroTotals, state: idleState };
  const values = (facts: ServerCounts['facts'], name: string): unknown =>
    metricsOf({ ...counts, facts }).find((one) => one.name === `ssdllm_${name}`)?.values;
  const device = { kind: 'vulkan', name: 'a GPU' } as const;
  const facts = { device, gpuMemory: 7 };
  assert.deepEqual(values(facts, 'device_info'), [{ labels: device, value: 1 }]);
  assert.deepEqual(values(facts, 'gpu_bytes'), [{ labels: {}, value: 7 }]);
  assert.deepEqual(
    [values(undefined, 'device_info'), values(undefined, 'gpu_bytes')],
    [[], [{ labels: {}, value: 0 }]],
  );
});

test('figures that llama-server has too are there by its names, of the same values', () => {
  const sums = { ...zeroTotals, promptTokens: 7, answerTokens: 5, passes: 3 };
  const state = { ...idleState, active: 2, waiting: 1 };
  const metrics = metricsOf({ outcomes: new Map(), pending: 3, sums, state });
  const figure = (name: string): number | undefined => metrics.find((one) => one.name === name)?.values[0]?.value;
  for (const [theirs, ours, value] of [
    ['prompt_tokens_total', 'prompt_tokens_total', 7],
    ['tokens_predicted_total', 'tokens_generated_total', 5],
    ['n_decode_total', 'passes_total', 3],
    ['requests_processing', 'sequences_active', 2],
    ['requests_deferred', 'sequences_waiting', 1],
  ] as const)
    assert.deepEqual([figure(`llamacpp:${theirs}`), figure(`ssdllm_${ours}`)], [value, value]);
  const names = metrics.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});
