/** The process that builds a model's graphs before any other does: `tryGraphs` starts it, and may see it end on the way. */

import { readFileSync, writeSync } from 'node:fs';
import { EngineError } from '../base/errors.ts';
import { serializeError } from '../base/serialized-error.ts';
import { watchEventLoop } from '../base/watchdog.ts';
import { buildAllGraphs, buildForDevice } from '../exec/llama-trial.ts';
import { gpuDevices } from '../ggml/gpu-backend.ts';
import { GpuDevice } from '../ggml/gpu-device.ts';
import { hearTrouble } from '../ggml/log.ts';
import { type ModelFile, openModelFile } from '../gguf/model-file.ts';
import type { TrialDevice, TrialInput } from './graph-trial.ts';

const [input, errors, output] = [0, 2, 3];
// A terminal sends these to both processes; the one that waits says what happens.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

/** Rejects with DEVICE_MISSING, and the errors of `buildForDevice`. */
async function buildOn({ kind, name }: TrialDevice, file: ModelFile, adapters: readonly string[]): Promise<void> {
  // A driver that compiles goes on for minutes, whether somebody waits or not.
  await watchEventLoop({ interval: 1000, most: Number.POSITIVE_INFINITY, mostOrphaned: 2 });
  const handle = gpuDevices(kind, errors).find((one) => one.name === name);
  if (!handle) throw new EngineError('DEVICE_MISSING', { kind, reason: `there is no ${name}`, install: undefined });
  using device = new GpuDevice(handle, 1);
  buildForDevice(file, device, adapters);
}

hearTrouble((line) => void writeSync(errors, `${line.trim()}\n`));
try {
  const { path, adapters, device } = JSON.parse(readFileSync(input, 'utf8')) as TrialInput;
  if (device) await buildOn(device, openModelFile(path), adapters);
  else buildAllGraphs(openModelFile(path), adapters);
  writeSync(output, 'null');
} catch (error) {
  writeSync(output, JSON.stringify(serializeError(error)));
}
