import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { deserializeError, type SerializedError } from '../base/serialized-error.ts';
import type { GpuKind } from '../ggml/gpu-backend.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { runTrial } from './trial-process.ts';
import { saveTried, trialKey, triedModels } from './tried-models.ts';

/** A model of 1000 tensors takes 0.3 s and 130 MiB. */
const limits = { computing: 10, waiting: 120, bytes: 2 ** 31 };
const words = { library: 'libllama', late: 'it is not loaded' };

/** Drivers start, too. */
const limitsOfDevices = { waiting: 300 };

/** The device that graphs are built for, one beside the CPU. */
export interface TrialDevice {
  readonly kind: GpuKind;
  readonly name: string;
}

/** The files of a trial: a model's, and those of LoRA adapters that are applied to it; and a device, if not the CPU. */
export interface TrialInput {
  readonly path: string;
  readonly adapters: readonly string[];
  readonly device?: TrialDevice | undefined;
}

/** Models whose trial went well since this process began. */
const tried = new Set<string>();

/**
 * Has another process build a model's graphs, as libllama ends its process on some metadata. A model that it built them
 * for is not tried again; `folder`, if there is one, remembers it for other processes. `adapters` are paths of LoRA adapters. Throws GRAPH_FAILED with the reason
 * where the process ends, ADAPTER_UNSUITABLE where it does so only with them, DEVICE_UNSUITABLE where it does so only for
 * `device`, and the errors of `buildAllGraphs` and `buildForDevice`.
 */
export function tryGraphs(
  file: ModelFile,
  folder?: string,
  { adapters = [], device }: Partial<Omit<TrialInput, 'path'>> = {},
): void {
  if (device) tryGraphs(file, folder, { adapters });
  else if (adapters.length > 0) tryGraphs(file, folder);
  const key = trialKey(file, { adapters, device });
  if (tried.has(key)) return;
  if (folder === undefined || !triedModels(folder).includes(key)) {
    const failure = failureOf({ path: at(file.files, 0).path, adapters, device });
    if (failure && device) throw deviceFailure(failure, device);
    if (failure) throw adapters.length > 0 ? adapterFailure(failure, adapters) : failure;
    if (folder !== undefined) saveTried(folder, key);
  }
  tried.add(key);
}

/** The failure of a model that can be computed without its adapters. */
function adapterFailure(failure: Error, adapters: readonly string[]): Error {
  if (!(failure instanceof EngineError) || failure.code !== 'GRAPH_FAILED') return failure;
  const { reason } = (failure as EngineError<'GRAPH_FAILED'>).details;
  return new EngineError('ADAPTER_UNSUITABLE', { file: adapters.join(', '), what: reason }, { cause: failure });
}

/** The failure of a model that the CPU can compute. */
function deviceFailure(failure: Error, { name }: TrialDevice): Error {
  if (!(failure instanceof EngineError) || failure.code !== 'GRAPH_FAILED') return failure;
  const { reason } = (failure as EngineError<'GRAPH_FAILED'>).details;
  return new EngineError('DEVICE_UNSUITABLE', { device: name, what: reason }, { cause: failure });
}

/** The failure of a trial, or undefined if it went well. */
function failureOf(input: TrialInput): Error | undefined {
  const within = input.device ? limitsOfDevices : limits;
  const result = runTrial('graph-trial-main', JSON.stringify(input), within, words);
  if ('ended' in result) return new EngineError('GRAPH_FAILED', { file: input.path, reason: result.ended });
  const failure = JSON.parse(result.outcome) as SerializedError | null;
  return failure ? deserializeError(failure) : undefined;
}
