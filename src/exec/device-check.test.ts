import assert from 'node:assert/strict';
import test from 'node:test';
import { engineError } from '../../test/support/engine-error.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import { checkDevice } from './device-check.ts';

test('a device that computes what the CPU does passes its test', () => {
  using device = new CpuDevice(2);
  checkDevice(device);
});

test('a device that computes nothing, or calls it done too early, fails its test', () => {
  class Idle extends CpuDevice {
    override computeNow(): void {}
  }
  using device = new Idle(1);
  assert.throws(() => checkDevice(device), engineError('DEVICE_FAILED'));
});
