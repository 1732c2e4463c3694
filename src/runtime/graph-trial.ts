import { type SpawnSyncOptionsWithStringEncoding, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { at } from '../base/at.ts';
import { EngineError } from '../base/errors.ts';
import { deserializeError, type SerializedError } from '../base/serialized-error.ts';
import { shortLine } from '../base/short-line.ts';
import type { ModelFile } from '../gguf/model-file.ts';
import { saveTried, trialKey, triedModels } from './tried-models.ts';

const extension = extname(import.meta.url);
/** The program beside this file, whether that is a source or part of a bundle. */
const program = fileURLToPath(new URL(`graph-trial-main${extension}`, import.meta.url));
/** Arguments of Node that let it run sources. */
const loader = (): readonly string[] =>
  extension === '.ts' ? ['--import', pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href] : [];

/** A trial's seconds of computing and of waiting, and its bytes. A model of 1000 tensors takes 0.3 s and 130 MiB. */
const limits = { computing: 10, waiting: 120, bytes: 2 ** 31 };
/** Leaves no core behind, and is ended before others where memory runs out. ggml's backtrace would start a debugger. */
const limited = `
{
  ulimit -c 0
  ulimit -S -t ${limits.computing}
  ulimit -d ${limits.bytes / 1024}
  echo 1000 >/proc/self/oom_score_adj
} 2>/dev/null
export GGML_NO_BACKTRACE=1
exec "$@"`;

/** The files of a trial: a model's, and those of LoRA adapters that are applied to it. */
export interface TrialInput {
  readonly path: string;
  readonly adapters: readonly string[];
}

/** Models whose trial went well since this process began. */
const tried = new Set<string>();

/**
 * Has another process build a model's graphs, as libllama ends its process on some metadata. A model that it built them
 * for is not tried again; `folder`, if there is one, remembers it for other processes. `adapters` are paths of LoRA adapters. Throws GRAPH_FAILED with the reason
 * where the process ends, ADAPTER_UNSUITABLE where it does so only with them, and the errors of `buildAllGraphs`.
 */
export function tryGraphs(file: ModelFile, folder?: string, adapters: readonly string[] = []): void {
  if (adapters.length > 0) tryGraphs(file, folder);
  const key = trialKey(file, adapters);
  if (tried.has(key)) return;
  if (folder === undefined || !triedModels(folder).includes(key)) {
    const failure = failureOf({ path: at(file.files, 0).path, adapters });
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

/** The failure of a trial, or undefined if it went well. */
function failureOf(input: TrialInput): Error | undefined {
  const result = start([process.execPath, ...loader(), program], JSON.stringify(input));
  // Libllama may end its process with 0, too: without an outcome.
  const outcome = result.status === 0 && result.output[3];
  if (outcome) {
    const failure = JSON.parse(outcome) as SerializedError | null;
    return failure ? deserializeError(failure) : undefined;
  }
  return new EngineError('GRAPH_FAILED', { file: input.path, reason: endOf(result) });
}

function start(command: readonly string[], input: string): SpawnSyncReturns<string> {
  const options: SpawnSyncOptionsWithStringEncoding = {
    input,
    encoding: 'utf8',
    // The last one is for the result: libllama may print.
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    timeout: limits.waiting * 1000,
    killSignal: 'SIGKILL',
    // Libllama has a warning for each weight that it does without.
    maxBuffer: 2 ** 24,
    windowsHide: true,
  };
  const [node = '', ...args] = command;
  return process.platform === 'win32'
    ? spawnSync(node, args, options)
    : spawnSync('/bin/sh', ['-c', limited, 'sh', ...command], options);
}

/** The reason for an end that was not the trial's own. */
function endOf({ error, signal, status, stderr }: SpawnSyncReturns<string>): string {
  const words = lastWords(stderr ?? '');
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT')
    return `it is not loaded in ${limits.waiting} s`;
  if (error) return `no process can be started to try it: ${error.message}`;
  if (signal === 'SIGXCPU') return `it is not loaded in ${limits.computing} s`;
  return `libllama ended its process by ${signal ?? `exit code ${status}`}${words && ` after "${words}"`}`;
}

/** The last words of a process: libllama's failed assertion or last warning, or C++'s two lines about an exception. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n');
  const from = lines.findLastIndex((line) => line.startsWith('terminate called'));
  const words = from < 0 ? (lines.at(-1) ?? '') : lines.slice(from).join(' ');
  // A path of the machine that libllama was compiled on.
  return shortLine(words.replace(/^\/\S*\/(?=[^/\s]+:\d+: )/, ''));
}
