import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

/** Test files whose path contains one of the texts; all, if there are none. Those of long parts are not among them. */
export const testFiles = (wanted: readonly string[]): readonly string[] =>
  ['src', 'bench', 'test']
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith(join('test', 'long')))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort();

/** Arguments and environment for Node to run test files in, on a CPU variant of ggml if one is named. */
export function nodeTest(cpu: string | undefined): {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
} {
  // The command line sees to the variant itself.
  const preload = cpu ? ['--import', './test/support/chosen-cpu.ts'] : [];
  // Files take turns on all cores: by default Node leaves one idle.
  const args = ['--import', 'tsx', ...preload, '--test', `--test-concurrency=${availableParallelism()}`];
  return { args, env: { ...process.env, SSD_LLM_CPU: cpu ?? '' } };
}

/** Runs test files, on the CPU variant that SSD_LLM_CPU names, with more flags for Node; returns the exit status. */
export function runSuite(wanted: readonly string[], flags: readonly string[] = []): number {
  const { args, env } = nodeTest(process.env['SSD_LLM_CPU']);
  const { status } = spawnSync(process.execPath, [...args, ...flags, ...testFiles(wanted)], { stdio: 'inherit', env });
  return status ?? 1;
}
