import { totalmem } from 'node:os';
import { EngineError } from '../../base/errors.ts';
import { nmse } from '../../base/nmse.ts';
import { deserializeError } from '../../base/serialized-error.ts';
import type { Device } from '../../ggml/device.ts';
import { type GpuKind, librariesVersion } from '../../ggml/gpu-backend.ts';
import { builtVersion } from '../../http/page/built-files.ts';
import { syntheticPrompt } from '../../model/benchmark.ts';
import type { Model } from '../../model/model.ts';
import type { PlanChanges } from '../../model/opened-model.ts';
import type { Calibration } from '../../pager/calibrate.ts';
import { isTooSmall } from '../../plan/kv-homes.ts';
import type { Plan } from '../../plan/plan.ts';
import { nvidiaDriver, type TriedDevice, type TriedDevices, tryDevices } from '../../runtime/device-trial.ts';
import { scratchState } from '../../state/cache-pool.ts';
import type { ChosenModel } from '../locate-model.ts';
import { openModel } from '../open-model.ts';
import type { Settings } from '../options/table.ts';
import type { BenchReport } from '../print/bench-report.ts';
import { type Agreement, type DeviceReport, deviceReport } from '../print/device-report.ts';
import { write } from '../print/output.ts';
import { calibrateStorage, measureUnder, planToMeasure } from './bench-measure.ts';

/** Tokens whose logits are compared. */
const compared = 24;
/** Bytes beyond the smallest budget: the process grows a little until the model is loaded. */
const slack = 2 ** 24;

interface Parts {
  readonly calibration: Calibration;
  readonly signal: AbortSignal;
}

/** Figures of a device, under some plan. */
interface Measured {
  readonly report: BenchReport;
  /** Logits (vocabulary, tokens). */
  readonly logits: Float32Array;
  readonly vocabulary: number;
  readonly device: Pick<Device, 'kind' | 'name' | 'memory'>;
}

/**
 * Prints what others want to know of a device: whether it passes its test, its speeds with as much in memory as there is room
 * for and with as little as possible, and how far its logits are from the CPU's. A device that fails is a report, too.
 */
export async function reportDevice(chosen: ChosenModel, settings: Settings, signal: AbortSignal): Promise<void> {
  const version = await builtVersion();
  const versions = { program: version, libraries: librariesVersion, nvidia: nvidiaDriver() ?? null };
  const { device: kind } = settings;
  const failed = kind === undefined || kind === 'auto' || kind === 'cpu' ? undefined : failureOf(kind);
  if (failed) {
    await write(deviceReport({ versions, memory: totalmem(), kind: failed.kind, failure: failed.error }));
    process.exitCode = 1;
    return;
  }
  await write(deviceReport({ versions, memory: totalmem(), ...(await measured(chosen, settings, signal)) }));
}

/** The error of the first device of a kind, which is the one that computes, if it fails its test. Throws DEVICE_MISSING. */
function failureOf(kind: GpuKind): { readonly kind: GpuKind; readonly error: Error } | undefined {
  try {
    const failure = tryDevices(kind).devices[0]?.failure;
    return failure ? { kind, error: deserializeError(failure) } : undefined;
  } catch (error) {
    if (error instanceof EngineError && error.code === 'DEVICE_FAILED') return { kind, error };
    throw error;
  }
}

async function measured(
  chosen: ChosenModel,
  settings: Settings,
  signal: AbortSignal,
): Promise<Omit<Extract<DeviceReport, { most: unknown }>, 'versions' | 'memory'>> {
  const calibration = await calibrateStorage(chosen.path, settings, signal);
  const parts = { calibration, signal };
  // The process's peak, which only grows, is that of the smaller budget while there was no other.
  const least = await under(chosen, settings, smallestPlan, parts);
  const most = await under(chosen, settings, planToMeasure, parts);
  const { device, logits, vocabulary } = most;
  const cpu = device.kind === 'cpu' ? undefined : await cpuLogits(chosen, settings, signal);
  const trial = device.kind === 'cpu' ? undefined : tryDevices(device.kind);
  return {
    device,
    tried: trial && triedAs(trial, device.name),
    said: trial?.said ?? [],
    most: most.report,
    least: least.report,
    streamed: agreement(least.logits, logits, vocabulary),
    cpu: cpu && agreement(logits, cpu, vocabulary),
  };
}

const triedAs = ({ devices }: TriedDevices, name: string): TriedDevice | undefined =>
  devices.find((device) => device.name === name);

/** Opens a model, and measures it under a plan. */
async function under(
  chosen: ChosenModel,
  settings: Settings,
  planOf: (model: Model, settings: Settings) => Plan,
  { calibration, signal }: Parts,
): Promise<Measured> {
  const began = performance.now();
  await using model = await openModel(chosen, settings, { reading: calibration });
  const plan = planOf(model, settings);
  const report = await measureUnder(model, plan, { ...settings, name: chosen.name, calibration, began, signal });
  const { kind, name, memory } = model.device;
  const { vocabulary } = model.outline.config;
  return { report, logits: await logitsOf(model, signal), vocabulary, device: { kind, name, memory } };
}

/** The plan under which as much streams as can. */
function smallestPlan(model: Model, settings: Settings): Plan {
  const { context } = planToMeasure(model, settings);
  const { opened } = model.inner;
  const least = (changes: PlanChanges): number => {
    try {
      opened.planWith({ ...changes, context });
    } catch (error) {
      if (isTooSmall(error)) return error.details.needed;
      throw error;
    }
    throw new RangeError('a plan of one byte');
  };
  if (model.device.memory === 'host') return opened.planWith({ budget: least({ budget: 1 }) + slack, context });
  const gpuMemory = least({ gpuMemory: 1 });
  return opened.planWith({ gpuMemory, budget: least({ gpuMemory, budget: 1 }) + slack, context });
}

async function cpuLogits(chosen: ChosenModel, settings: Settings, signal: AbortSignal): Promise<Float32Array> {
  await using model = await openModel(chosen, { ...settings, device: 'cpu', gpuMemory: undefined });
  return await logitsOf(model, signal);
}

const logitsOf = (model: Model, signal: AbortSignal): Promise<Float32Array> =>
  model.measure(async (runtime) => {
    const tokens = syntheticPrompt(model, Math.min(compared, runtime.plan.context))(0);
    const state = scratchState(runtime.caches);
    return (await runtime.run([{ state, start: 0, tokens, logits: 'all' }], { signal })).slice();
  });

/** The difference of two sets of logits (vocabulary, tokens), and the number of tokens whose likeliest successor is the same. */
function agreement(actual: Float32Array, expected: Float32Array, vocabulary: number): Agreement {
  const tokens = actual.length / vocabulary;
  const first = (logits: Float32Array, row: number): number => {
    const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    return own.indexOf(own.reduce((most, x) => Math.max(most, x)));
  };
  const rows = Array.from({ length: tokens }, (_, row) => first(actual, row) === first(expected, row));
  return { nmse: nmse(actual, expected), same: rows.filter(Boolean).length, of: tokens };
}
