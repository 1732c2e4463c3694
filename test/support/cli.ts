import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { saveCalibration } from '../../src/cli/calibrations.ts';
import type { GenerationStats } from '../../src/engine/generation-stats.ts';
import './built.ts';
import { tempFolder } from './temp-folder.ts';

/** The cache folder of the command line, unless a test names another. */
const cache = tempFolder();
process.once('exit', () => cache[Symbol.dispose]());
// The first command would spend a second on it.
saveCalibration(cache.path, { bytesPerSecond: 2e9, chunkBytes: 2 ** 23, inFlight: 7, direct: true }, cache.path);

const cli = fileURLToPath(new URL('../../bin/ssd-llm.cjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StartOptions {
  /** Text for stdin; left out, stdin is empty. */
  readonly input?: string;
  /** Leaves stdin open, as a terminal or a slow program does. */
  readonly keepInput?: boolean;
  /** A program, with its arguments, that runs the command line. */
  readonly wrapper?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `ssd-llm` as built, as a process of its own. */
export function start(
  args: readonly string[],
  options: StartOptions = {},
): { child: ChildProcess; ended: Promise<Ended> } {
  const [command = '', ...rest] = [...(options.wrapper ?? []), process.execPath, cli, ...args];
  // Threads that share a product wait for each other by spinning, on cores that other tests want.
  const env = { ...process.env, SSD_LLM_CACHE: cache.path, SSD_LLM_THREADS: '1', ...options.env };
  const child = spawn(command, rest, { stdio: ['pipe', 'pipe', 'pipe'], env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  child.stdin.on('error', () => {});
  if (!options.keepInput) child.stdin.end(options.input ?? '');
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

/** Runs `ssd-llm` to its end. */
export const run = (args: readonly string[], options: StartOptions = {}): Promise<Ended> => start(args, options).ended;

/** The JSON of `ssd-llm run`. */
export interface RunAnswer {
  readonly text: string;
  /** Left out where the model thought nothing. */
  readonly thinking?: string;
  readonly tokens: readonly number[];
  readonly prompt_tokens: number;
  readonly stop_reason: string;
  readonly stats: GenerationStats;
}

/** Runs a command with --json to its end, which must be a good one, and reads what it prints. */
export async function runJson<T = RunAnswer>(args: readonly string[], options: StartOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await run([...args, '--json'], options);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout) as T;
}
