import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { CpuDevice } from './cpu-device.ts';
import type { Device } from './device.ts';
import { checkGraphs } from './llama-self-check.ts';

test('a library that computes otherwise than its graphs say is refused by name, and one that does not is taken', () => {
  using device = new CpuDevice(1);
  const lazy = { computeNow: () => {} } as unknown as Device;
  assert.throws(() => checkGraphs(lazy), engineError('LIBRARY_DIFFERS', /other results/));
  checkGraphs(device);
  // It has been checked.
  checkGraphs(lazy);
});
