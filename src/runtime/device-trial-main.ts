/** The process that tests devices before any other uses them: `tryDevices` starts it, and may see it end on the way. */

import { readFileSync, writeSync } from 'node:fs';
import { EngineError } from '../base/errors.ts';
import { serializeError } from '../base/serialized-error.ts';
import { watchEventLoop } from '../base/watchdog.ts';
import { checkDevice } from '../exec/device-check.ts';
import { deviceMemory, type GpuHandle, type GpuKind, gpuDevices } from '../ggml/gpu-backend.ts';
import { GpuDevice } from '../ggml/gpu-device.ts';
import { listening } from '../ggml/log.ts';
import type { DeviceTrial, TriedDevice } from './device-trial.ts';

const [input, errors, output] = [0, 2, 3];
// A terminal sends these to both processes; the one that waits says what happens.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

function tried(handle: GpuHandle): TriedDevice {
  const { name, memory } = handle;
  const found = { name, memory, bytes: deviceMemory(handle).total };
  try {
    using device = new GpuDevice(handle, 1);
    return { ...found, difference: checkDevice(device), failure: null };
  } catch (error) {
    return { ...found, difference: null, failure: serializeError(error) };
  }
}

function trial(kind: GpuKind): DeviceTrial {
  const said: string[] = [];
  try {
    const devices = listening(
      (text) => said.push(text),
      () => gpuDevices(kind, errors).map(tried),
    );
    return { devices, said: said.join('').trim().split('\n') };
  } catch (error) {
    if (error instanceof EngineError && error.code === 'DEVICE_MISSING') return { missing: serializeError(error) };
    throw error;
  }
}

// A driver that compiles goes on for minutes, whether somebody waits or not.
await watchEventLoop({ interval: 1000, most: Number.POSITIVE_INFINITY, mostOrphaned: 2 });
writeSync(output, JSON.stringify(trial(JSON.parse(readFileSync(input, 'utf8')) as GpuKind)));
