import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Device } from '../ggml/device.ts';
import { LlamaScratch } from './llama-scratch.ts';

test('the zeros that a device reads behind rows are no numbers of rows', () => {
  using cpu = new CpuDevice(1);
  const padding = 476;
  const device = Object.assign(Object.create(cpu) as Device, {
    paddingOf: () => padding,
    memoryFor: (bytes: number, what: string) => cpu.memoryFor(bytes, what),
  });
  const weight = weightOf('token_embd.weight', 'q8_0', [64, 320]);
  const batch = 3;
  using scratch = new LlamaScratch(device, { slices: [], file: new Map([[weight.name, weight]]), batch });
  const { numbers, memory } = scratch.rowsOf(weight.name);
  assert.equal(numbers, batch * 2 * 34 + padding);
  assert.ok(memory.bytes >= numbers + 4 * batch);
});
