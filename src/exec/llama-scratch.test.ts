import assert from 'node:assert/strict';
import test from 'node:test';
import { weightOf } from '../../test/support/weights.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Device } from '../ggml/device.ts';
import { LlamaScratch } from './llama-scratch.ts';

test('numbers of rows lie behind the zeros that a device reads there, at a multiple of their size', () => {
  using cpu = new CpuDevice(1);
  const padding = 476;
  const device = Object.assign(Object.create(cpu) as Device, {
    paddingOf: () => padding,
    memoryFor: (bytes: number, what: string) => cpu.memoryFor(bytes, what),
  });
  const batch = 3;
  for (const [width, bytes] of [
    [64, batch * 2 * 34 + padding],
    [32, batch * 34 + padding + 2],
  ] as const) {
    const weight = weightOf('token_embd.weight', 'q8_0', [width, 320]);
    using scratch = new LlamaScratch(device, { slices: [], file: new Map([[weight.name, weight]]), batch });
    const { numbers, memory } = scratch.rowsOf(weight.name);
    assert.equal(numbers, bytes);
    assert.ok(memory.bytes >= numbers + 4 * batch);
  }
});
