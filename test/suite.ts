import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { ProcessGroups } from './support/process-groups.ts';
import { usableVariants } from './support/variants.ts';
import { samples } from './variants.ts';

/** Test files whose path contains one of the texts; all, if there are none. Those of long parts are not among them. */
export const testFiles = (wanted: readonly string[]): readonly string[] =>
  ['src', 'bench', 'test']
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
    .filter((file) => file.endsWith('.test.ts') && !file.startsWith(join('test', 'long')))
    .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
    .sort();

/**
 * Ends a test that hangs, or else its file: one that does not come back to its event loop. No wall-clock bound: files take
 * seconds.
 */
const hangGuard = ['--import', './test/support/hang-guard.ts', `--test-timeout=${20 * 60_000}`];

/** Arguments and environment for Node to run test files in, on a CPU variant of ggml if one is named. */
export function nodeTest(cpu: string | undefined): {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
} {
  // The command line sees to the variant itself.
  const preload = cpu ? ['--import', './test/support/chosen-cpu.ts'] : [];
  // One more than cores: files wait for disks and processes, too. Node leaves a core idle if nothing is said.
  const args = ['--import', 'tsx', ...preload, '--test', `--test-concurrency=${availableParallelism() + 1}`];
  return { args, env: { ...process.env, SSD_LLM_CPU: cpu ?? '' } };
}

/**
 * Runs the test files that are wanted, on the CPU variant that SSD_LLM_CPU names; all of them, and before them the samples
 * on other variants, if nothing is said. Returns the exit status: 1 where a wanted text is in no path, since Node would
 * then look for tests of its own.
 */
export function runSuite(wanted: readonly string[], flags: readonly string[] = []): number {
  const unknown = wanted.filter((part) => testFiles([part]).length === 0);
  if (unknown.length > 0) {
    console.error(`no test file has a path with ${unknown.join(', ')} in it; paths are like src/plan/ring.test.ts`);
    return 1;
  }
  const cpu = process.env['SSD_LLM_CPU'];
  const sampled = wanted.length === 0 && !cpu ? runSamples() : 0;
  return runFiles(testFiles(wanted), cpu, flags) || sampled;
}

function runSamples(): number {
  const usable = usableVariants();
  let worst = 0;
  for (const [cpu, files] of Object.entries(samples)) {
    if (usable.includes(cpu)) worst = runFiles(files, cpu) || worst;
    else console.log(`# skipped with the CPU variant ${cpu}, which cannot be had here: ${files.join(' ')}`);
  }
  return worst;
}

function runFiles(files: readonly string[], cpu: string | undefined, flags: readonly string[] = []): number {
  if (cpu) console.log(`# with the CPU variant ${cpu}`);
  const { args, env } = nodeTest(cpu);
  using groups = new ProcessGroups(files);
  const { status } = spawnSync(process.execPath, [...args, ...hangGuard, ...flags, ...groups.files], {
    stdio: 'inherit',
    env,
  });
  return status ?? 1;
}
