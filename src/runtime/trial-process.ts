import { type SpawnSyncOptionsWithStringEncoding, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ownProgram, programArguments } from '../base/own-program.ts';
import { shortLine } from '../base/short-line.ts';
import { announceSilence } from '../base/silence.ts';

/** Leaves no core behind, and is ended before others where memory runs out. ggml's backtrace would start a debugger. */
const limited = (computing: number | undefined, bytes: number | undefined): string => `
{
  ulimit -c 0
  ${computing === undefined ? '' : `ulimit -S -t ${computing}`}
  ${bytes === undefined ? '' : `ulimit -d ${bytes / 1024}`}
  echo 1000 >/proc/self/oom_score_adj
} 2>/dev/null
export GGML_NO_BACKTRACE=1
exec "$@"`;

/** Limits of a trial: seconds of computing and of waiting, and bytes. */
export interface TrialLimits {
  readonly computing?: number;
  readonly waiting: number;
  readonly bytes?: number;
}

/** The words for a trial that did not end by itself. */
export interface TrialWords {
  /** The library that may end the process. */
  readonly library: string;
  /** The work that was not done in time. */
  readonly late: string;
}

/** The text that a trial wrote, or the reason for which it wrote none. */
export type TrialResult = { readonly outcome: string } | { readonly ended: string };

/** Runs the program `name` beside this file, whether that is a source or part of a bundle, and waits for it. */
export function runTrial(name: string, input: string, limits: TrialLimits, words: TrialWords): TrialResult {
  const program = ownProgram(name, import.meta.url);
  announceSilence(limits.waiting);
  const result = start([process.execPath, ...programArguments(program), fileURLToPath(program)], input, limits);
  // Libraries may end the process with 0, too: without an outcome.
  const outcome = result.status === 0 && result.output[3];
  return outcome ? { outcome } : { ended: endOf(result, limits, words) };
}

function start(
  command: readonly string[],
  input: string,
  { computing, waiting, bytes }: TrialLimits,
): SpawnSyncReturns<string> {
  const options: SpawnSyncOptionsWithStringEncoding = {
    input,
    encoding: 'utf8',
    // The last one is for the result: libraries may print.
    stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    timeout: waiting * 1000,
    killSignal: 'SIGKILL',
    // Libllama has a warning for each weight that it does without.
    maxBuffer: 2 ** 24,
    windowsHide: true,
  };
  const [node = '', ...args] = command;
  return process.platform === 'win32'
    ? spawnSync(node, args, options)
    : spawnSync('/bin/sh', ['-c', limited(computing, bytes), 'sh', ...command], options);
}

/** The reason for an end that was not the trial's own. */
function endOf(
  { error, signal, status, stderr }: SpawnSyncReturns<string>,
  limits: TrialLimits,
  { library, late }: TrialWords,
): string {
  const words = lastWords(stderr ?? '');
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT') return `${late} in ${limits.waiting} s`;
  if (error) return `no process can be started to try it: ${error.message}`;
  if (signal === 'SIGXCPU') return `${late} in ${limits.computing} s`;
  return `${library} ended its process by ${signal ?? `exit code ${status}`}${words && ` after "${words}"`}`;
}

/** The last words of a process: a failed assertion or last warning, or C++'s two lines about an exception. */
function lastWords(text: string): string {
  const lines = text.trim().split('\n');
  const from = lines.findLastIndex((line) => line.startsWith('terminate called'));
  const words = from < 0 ? (lines.at(-1) ?? '') : lines.slice(from).join(' ');
  return shortLine(words);
}
