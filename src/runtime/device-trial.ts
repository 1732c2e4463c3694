import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { release } from 'node:os';
import { attempt } from '../base/attempt.ts';
import { EngineError } from '../base/errors.ts';
import { deserializeError, type SerializedError } from '../base/serialized-error.ts';
import { backendFileFor, type GpuKind } from '../ggml/gpu-backend.ts';
import type { GpuDevice } from '../ggml/gpu-device.ts';
import { runTrial } from './trial-process.ts';
import { saveTried, triedModels } from './tried-models.ts';

/** A device, and how it passed its test. */
export interface TriedDevice extends Pick<GpuDevice, 'name' | 'memory'> {
  /** Bytes of its memory, or of the process's that it can compute in. */
  readonly bytes: number;
  /** How far its result of the test is from the CPU's; null if it gave none. */
  readonly difference: number | null;
  readonly failure: SerializedError | null;
}

/** All devices of a kind, and the lines that their library logged. */
export interface TriedDevices {
  readonly devices: readonly TriedDevice[];
  readonly said: readonly string[];
}

/** The outcome of a trial. */
export type DeviceTrial = TriedDevices | { readonly missing: SerializedError };

/** Seconds that drivers may compile for: some have no machine code for a card, and take a minute or two. */
const waiting = 300;
const words = { library: 'its library', late: 'its test is not computed' };

/**
 * Tests all devices of a kind in a process of its own, which drivers may end. Throws DEVICE_MISSING, and DEVICE_FAILED
 * where the process ends.
 */
export function tryDevices(kind: GpuKind): TriedDevices {
  backendFileFor(kind);
  const result = runTrial('device-trial-main', JSON.stringify(kind), { waiting }, words);
  if ('ended' in result) throw new EngineError('DEVICE_FAILED', { device: kind, reason: result.ended });
  const trial = JSON.parse(result.outcome) as DeviceTrial;
  if ('missing' in trial) throw deserializeError(trial.missing);
  return trial;
}

/** Kinds whose drivers went through a trial since this process began. */
const tried = new Set<GpuKind>();

/**
 * Makes sure that the driver of `kind` ends no process, which `folder`, if there is one, remembers for other processes. Throws
 * the errors of `tryDevices`.
 */
export function tryDriver(kind: GpuKind, folder?: string): void {
  if (tried.has(kind)) return;
  const key = driverKey(backendFileFor(kind));
  if (folder === undefined || !triedModels(folder).includes(key)) {
    const { devices } = tryDevices(kind);
    if (folder !== undefined && devices.every(({ failure }) => failure === null)) saveTried(folder, key);
  }
  tried.add(kind);
}

/** NVIDIA's driver as it names itself; undefined where there is none. */
export const nvidiaDriver = (): string | undefined =>
  attempt(() => readFileSync('/proc/driver/nvidia/version', 'utf8'))?.split('\n', 1)[0];

/** A name for a library and the driver as they are now, as far as the system says. */
function driverKey(file: string): string {
  const { size, mtimeMs } = statSync(file);
  const nvidia = nvidiaDriver();
  return createHash('sha256')
    .update(JSON.stringify({ file, size, mtimeMs, system: release(), nvidia }))
    .digest('hex');
}
