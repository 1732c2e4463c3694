import { totalmem } from 'node:os';
import { EngineError } from '../base/errors.ts';
import { deserializeError } from '../base/serialized-error.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Device, DeviceKind } from '../ggml/device.ts';
import { type GpuKind, kindsFor } from '../ggml/gpu-backend.ts';
import { tryDevices } from './device-trial.ts';
import { threadsFor } from './machine.ts';

/** A device of this machine, or a kind of which there is none. */
export interface ListedDevice {
  readonly kind: DeviceKind;
  /** Null if there is none of this kind. */
  readonly name: string | null;
  /** Whether it computes in the process's memory. */
  readonly memory: Device['memory'] | null;
  /** Bytes of the memory that it computes in. */
  readonly bytes: number | null;
  /** The reason for which it cannot be used; null if it passed its test. */
  readonly error: Error | null;
}

/** Lists the CPU and the devices of every kind that there are libraries for on this platform, each one tested. */
export function listDevices({ warn }: { readonly warn?: (reason: Error) => void } = {}): readonly ListedDevice[] {
  using cpu = new CpuDevice(threadsFor(undefined, warn));
  const { kind, name, memory } = cpu;
  return [{ kind, name, memory, bytes: totalmem(), error: null }, ...kindsFor().flatMap(devicesOf)];
}

function devicesOf(kind: GpuKind): readonly ListedDevice[] {
  try {
    return tryDevices(kind).devices.map(({ name, memory, bytes, failure }) => ({
      ...{ kind, name, memory, bytes },
      error: failure && deserializeError(failure),
    }));
  } catch (error) {
    if (error instanceof EngineError) return [{ kind, name: null, memory: null, bytes: null, error }];
    throw error;
  }
}
