import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { nodeTest } from '../suite.ts';
import { missingSmollm2 } from '../support/smollm2.ts';

/** The results of one trial, many times or in many ways. */
export interface Row {
  readonly name: string;
  readonly tried: number;
  readonly passed: number;
  /** A line for each failure: where there is one, the part has failed. */
  readonly failed: readonly string[];
  /** A line for each thing that could not be tried: what, and what is missing. */
  readonly skipped: readonly string[];
}

/** Something that takes too long to be tried every time. */
export interface Part {
  /** A line about it. */
  readonly about: string;
  /** Names of which some can be chosen (`--only`), where a part can try less than everything. */
  readonly choice?: readonly string[];
  /** Tries everything, or what is chosen; a row comes as soon as it is known. */
  rows(chosen?: readonly string[]): AsyncIterable<Row>;
}

/** A line of the reporter: what came of one test. */
interface Ended {
  readonly file: string;
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** The reason of a failure, or of skipping. */
  readonly reason: string;
}

export interface NodeTestsOptions {
  /** A CPU variant of ggml; left out, the best one. */
  readonly cpu?: string;
  /** Whether tests try all of their cases: see `support/rounds.ts`. */
  readonly allRounds?: boolean;
}

/** Runs test files; those that need a model that cannot be had are skipped. */
export async function nodeTests(name: string, files: readonly string[], options: NodeTestsOptions = {}): Promise<Row> {
  const missing = await missingSmollm2();
  const unable = missing === undefined ? [] : files.filter(needsSmollm2);
  const able = files.filter((file) => !unable.includes(file));
  const lines = able.length > 0 ? await linesOf(able, options) : { passed: [], failed: [], skipped: [] };
  const { passed, failed } = lines;
  const skipped = [...lines.skipped, ...unable.map((file) => `${file}: ${missing}`)];
  return { name, tried: passed.length + failed.length, passed: passed.length, failed, skipped };
}

const needsSmollm2 = (file: string): boolean => readFileSync(file, 'utf8').includes('/smollm2.ts');

/** A line for each test in the files, by what came of it. Without files, Node would look for tests of its own. */
async function linesOf(
  files: readonly string[],
  { cpu, allRounds = false }: NodeTestsOptions,
): Promise<Record<Ended['state'], readonly string[]>> {
  const { args, env } = nodeTest(cpu);
  const child = spawn(process.execPath, [...args, '--test-reporter=./test/long/reporter.mjs', ...files], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, ...(allRounds && { SSD_LLM_TEST_ALL_ROUNDS: '1' }) },
  });
  const closed = once(child, 'close');
  const lines: Record<Ended['state'], string[]> = { passed: [], failed: [], skipped: [] };
  for await (const line of createInterface({ input: child.stdout })) {
    const { file, name, state, reason } = JSON.parse(line) as Ended;
    lines[state].push(`${file}: ${name}: ${reason}`);
  }
  const [code] = (await closed) as [number | null];
  if (code !== 0 && lines.failed.length === 0) lines.failed.push(`the test runner ended with ${code}`);
  return lines;
}
