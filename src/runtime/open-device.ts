import { formatBytes } from '../base/bytes.ts';
import { EngineError } from '../base/errors.ts';
import { announceSilence } from '../base/silence.ts';
import { checkDevice } from '../exec/device-check.ts';
import { CpuDevice } from '../ggml/cpu-device.ts';
import type { Device, DeviceKind } from '../ggml/device.ts';
import { backendFile, deviceMemory, type GpuHandle, gpuDevices, kindsFor } from '../ggml/gpu-backend.ts';
import { GpuDevice } from '../ggml/gpu-device.ts';
import { autoDevice } from './auto-device.ts';
import { weightBytes } from './demand.ts';
import { tryDriver } from './device-trial.ts';
import { threadsFor } from './machine.ts';
import type { ModelOutline } from './model-outline.ts';

/** Seconds that a driver may compile again for what it compiled in its trial: not all of them remember. */
const compiling = 300;

/**
 * A kind of device, or `auto` for the one that suits the model.
 *
 * @example const device: DeviceChoice = 'cpu';
 */
export type DeviceChoice = DeviceKind | 'auto';

export interface DeviceOptions {
  readonly device?: DeviceChoice | undefined;
  readonly threads?: number | undefined;
  /** Bytes of a device that has memory of its own. */
  readonly gpuMemory?: number | undefined;
  /** A folder that remembers which drivers were tried; default: each process tries them anew. */
  readonly trialFolder?: string | undefined;
  /** Hears of devices that were passed over. */
  readonly warn?: ((reason: Error) => void) | undefined;
}

/**
 * Starts the device that computes `models`: of the kind that was asked for, or by default one that is tested, can compute
 * them and gains something, else the CPU. Throws DEVICE_MISSING, DEVICE_FAILED, DEVICE_UNSUITABLE, BAD_OPTION.
 */
export function openDevice(models: readonly ModelOutline[], options: DeviceOptions): Device {
  const device = chosen(models, options);
  const { gpuMemory } = options;
  if (gpuMemory === undefined || device.memory === 'apart') return device;
  device[Symbol.dispose]();
  const expected = `a device with memory of its own, which ${device.name} is not`;
  throw new EngineError('BAD_OPTION', { option: 'gpuMemory', value: formatBytes(gpuMemory), expected });
}

/** The part of a budget that a device can compute in: Metal's share of memory is limited. */
export function budgetOn(device: Device, budget: number, warn?: DeviceOptions['warn']): number {
  if (device.kind !== 'metal' || budget <= device.room) return budget;
  const limit = formatBytes(device.room);
  warn?.(new Error(`the GPU can use ${limit} of the budget; "sudo sysctl iogpu.wired_limit_mb=N" changes that`));
  return device.room;
}

function chosen(models: readonly ModelOutline[], options: DeviceOptions): Device {
  const { device: wanted = 'auto', trialFolder, warn } = options;
  const threads = threadsFor(options.threads, warn);
  if (wanted === 'cpu') return new CpuDevice(threads);
  if (wanted !== 'auto') {
    tryDriver(wanted, trialFolder);
    const [handle] = gpuDevices(wanted);
    if (!handle) throw new RangeError(`there is no ${wanted} device in its list`);
    return started(handle, threads, models);
  }
  const before = process.memoryUsage.rss();
  const passedOver: EngineError[] = [];
  const kinds = kindsFor().filter((kind) => backendFile(kind) !== undefined);
  const device = autoDevice({
    kinds,
    weights: models.reduce((sum, model) => sum + weightBytes(model), 0),
    find: (kind) => gpuDevices(kind).map((handle) => ({ ...handle, free: deviceMemory(handle).free })),
    start: (handle, kind) => {
      tryDriver(kind, trialFolder);
      return started(handle, threads, models);
    },
    passOver: (error) => passedOver.push(error),
  });
  for (const { message } of passedOver) warn?.(new Error(`${message}; ${device ? device.name : 'the CPU'} computes`));
  return device ?? new CpuDevice(threads, kinds.length > 0 ? Math.max(0, process.memoryUsage.rss() - before) : 0);
}

/** A device that has been tested, and can compute `models`. */
function started(handle: GpuHandle, threads: number, models: readonly ModelOutline[]): Device {
  const device = new GpuDevice(handle, threads);
  try {
    for (const { graphs, config } of models) graphs.checkDevice(device, config.context);
    announceSilence(compiling);
    checkDevice(device);
    device.countDriver();
  } catch (error) {
    device[Symbol.dispose]();
    throw error;
  }
  return device;
}
