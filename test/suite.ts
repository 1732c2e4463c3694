import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { BuiltTests } from './support/built-tests.ts';
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
const timeLimit = `--test-timeout=${20 * 60_000}`;

/** Arguments and environment for Node to run test files in, on a CPU variant of ggml if one is named. */
export function nodeTest(cpu: string | undefined): {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
} {
  // One more than cores: files wait for disks and processes, too. Node leaves a core idle if nothing is said.
  const args = ['--import', './test/support/preload.mjs', '--test', `--test-concurrency=${availableParallelism() + 1}`];
  return { args, env: { ...process.env, SSD_LLM_CPU: cpu ?? '' } };
}

/**
 * Runs the test files that are wanted, on the CPU variant that SSD_LLM_CPU names; all of them, and before them the samples
 * on other variants, if nothing is said. Resolves to the exit status: 1 where a wanted text is in no path, since Node would
 * then look for tests of its own.
 */
export async function runSuite(wanted: readonly string[]): Promise<number> {
  if (!areKnown(wanted)) return 1;
  const cpu = process.env['SSD_LLM_CPU'];
  const sampled = wanted.length === 0 && !cpu ? await runSamples() : 0;
  return (await runFiles(testFiles(wanted), cpu)) || sampled;
}

/** Runs the test files that are wanted, and again those that a change concerns, until it is interrupted. */
export function watchSuite(wanted: readonly string[]): number {
  if (!areKnown(wanted)) return 1;
  const { args, env } = nodeTest(process.env['SSD_LLM_CPU']);
  return runNode([...args, timeLimit, '--watch', ...testFiles(wanted)], env);
}

function areKnown(wanted: readonly string[]): boolean {
  const unknown = wanted.filter((part) => testFiles([part]).length === 0);
  if (unknown.length === 0) return true;
  console.error(`no test file has a path with ${unknown.join(', ')} in it; paths are like src/plan/ring.test.ts`);
  return false;
}

async function runSamples(): Promise<number> {
  const usable = usableVariants();
  let worst = 0;
  for (const [cpu, files] of Object.entries(samples)) {
    if (usable.includes(cpu)) worst = (await runFiles(files, cpu)) || worst;
    else console.log(`# skipped with the CPU variant ${cpu}, which cannot be had here: ${files.join(' ')}`);
  }
  return worst;
}

async function runFiles(files: readonly string[], cpu: string | undefined): Promise<number> {
  if (cpu) console.log(`# with the CPU variant ${cpu}`);
  const { args, env } = nodeTest(cpu);
  using groups = new ProcessGroups(files);
  using built = await BuiltTests.build(groups.files);
  return runNode([...args, '--enable-source-maps', timeLimit, ...built.files], env);
}

const runNode = (args: readonly string[], env: NodeJS.ProcessEnv): number =>
  spawnSync(process.execPath, args, { stdio: 'inherit', env }).status ?? 1;
