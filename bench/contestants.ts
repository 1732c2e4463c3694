import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { evictFile } from '../src/ggml/system.ts';
import { openModelFile } from '../src/gguf/model-file.ts';
import { memoryGroup } from './memory-group.ts';

/** The task of a run: the same model, prompt and answer for all. */
export interface Task {
  readonly path: string;
  /** Bytes. */
  readonly budget: number;
  readonly threads: number;
  readonly promptTokens: number;
  readonly tokens: number;
}

/** The results of one run. */
export interface ContestResult {
  /** Per second; undefined if the run was not one of prefill or decoding. */
  readonly prefill: number;
  readonly decode: number;
  /** The most memory that the run's cgroup held, in bytes; undefined outside of one. */
  readonly peak: number | undefined;
  /** Ours: how close to the limit decoding came, and the first token of a prompt of one. */
  readonly fraction?: number;
  readonly firstToken?: { readonly seconds: number; readonly sweepSeconds: number };
}

/** Somebody who runs a task; rejects with what went wrong, which for some is the result. */
export interface Contestant {
  readonly name: string;
  /** Set before each of its runs, where it can be: KiB of the kernel's read-ahead. */
  readonly readAhead?: number;
  /** It has memory for all weights, and is compared with our own such runs. */
  readonly inRam?: boolean;
  run(task: Task): Promise<ContestResult>;
}

/** llama.cpp's process is given this much more than the budget: Node, which only carries its library here. */
const harnessBytes = 128 * 2 ** 20;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Our own command under the budget, in a cgroup of as much. */
export const ssdLlm: Contestant = {
  name: 'ssd-llm',
  run: (task) => ours(task, task.budget, true),
};

/** Our own command with a budget that the whole model fits in. */
export const ssdLlmInRam: Contestant = {
  name: 'ssd-llm, all in RAM',
  inRam: true,
  run: (task) => ours(task, openModelFile(task.path).bytes * 1.05 + 2 ** 30, false),
};

/** llama.cpp, the file mapped, in a cgroup of the budget. */
export const llamaMapped = (readAhead?: number): Contestant => ({
  name: `llama.cpp mmap${readAhead === undefined ? '' : `, read-ahead ${readAhead} KiB`}`,
  ...(readAhead !== undefined && { readAhead }),
  run: (task) => peer(task, 'mmap', task.budget + harnessBytes),
});

/** llama.cpp with its defaults: all weights in memory, converted to its fastest kernels. */
export const llamaInRam: Contestant = {
  name: 'llama.cpp, all in RAM',
  inRam: true,
  run: (task) => peer(task, 'ram'),
};

async function ours(task: Task, budget: number, limited: boolean): Promise<ContestResult> {
  const args = [here('../bin/ssd-llm.cjs'), 'bench', task.path, '--json', '--rounds', '1', '--cold'];
  args.push('--memory-budget', `${Math.ceil(budget)}`, '--threads', `${task.threads}`);
  args.push('--tokens', `${task.tokens}`, '--prompt-tokens', `${task.promptTokens}`);
  const { stdout, peak } = await inGroup(task.path, args, limited ? budget : undefined);
  const { prefill, decode, first_token, calibration } = JSON.parse(stdout);
  return {
    prefill: prefill.tokens_per_s,
    decode: decode.tokens_per_s,
    peak,
    fraction: decode.fraction_of_limit,
    firstToken: { seconds: first_token.seconds, sweepSeconds: first_token.sweep_bytes / calibration.bytes_per_s },
  };
}

async function peer(task: Task, load: 'mmap' | 'ram', limit?: number): Promise<ContestResult> {
  const { path, threads, promptTokens, tokens } = task;
  const args = ['--import', 'tsx', here('peer.ts'), path, load, threads, promptTokens, tokens].map(String);
  const { stdout, peak } = await inGroup(path, args, limit);
  const { prefill, decode } = JSON.parse(stdout);
  return { prefill: prefill.tokens / prefill.seconds, decode: decode.tokens / decode.seconds, peak };
}

/** Runs Node with `args`, the model cold, in a cgroup of `limit` bytes if there is one to be. */
async function inGroup(
  path: string,
  args: readonly string[],
  limit: number | undefined,
): Promise<{ stdout: string; peak: number | undefined }> {
  for (const file of openModelFile(path).files) evictFile(file.path);
  const group = limit === undefined ? undefined : memoryGroup(limit);
  if (typeof group === 'string') throw new Error(`no cgroup can be made: ${group}`);
  using _group = group;
  const [command = '', ...rest] = [...(group?.wrapper ?? []), process.execPath, ...args];
  const stdout = await output(command, rest);
  return { stdout, peak: group?.peak() };
}

const output = (command: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(signal === 'SIGKILL' ? 'killed: out of memory' : stderr.trim() || `exit code ${code}`));
    });
  });
