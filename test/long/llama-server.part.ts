import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { tempFolder } from '../support/temp-folder.ts';
import { standIns } from './llama-server/models.ts';
import type { Part, Row } from './part.ts';
import { fetchSources } from './renderings/sources.ts';

const folderOfThis = 'test/long/llama-server';
const packages = ['pytest==9.2.0', 'requests==2.34.2', 'wget==3.2', 'openai==2.54.0', 'anthropic==2.14.0'];
/** Files of tests of the endpoints that we have as well. */
const files = [
  'basic',
  'chat_completion',
  'compat_anthropic',
  'compat_oai_responses',
  'completion',
  'ctx_shift',
  'embedding',
  'ignore_eos',
  'infill',
  'rerank',
  'security',
  'template',
  'tokenize',
];

/** Names of tests that cannot pass, by the reason; a name without its parameters stands for all of them. */
type Differences = Readonly<Record<string, readonly string[]>>;

const differences = Object.entries(
  JSON.parse(readFileSync(join(folderOfThis, 'differences.json'), 'utf8')) as Differences,
).flatMap(([reason, names]) => names.map((name) => ({ name: `unit/test_${name}`, reason })));

/** A line of conftest.py: what came of one test. */
interface Ended {
  readonly id: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  readonly reason: string;
}

function run(command: string, args: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  // Pytest ends with 1 where tests have failed.
  if (error || (status !== 0 && status !== 1))
    throw new Error(`${command}: ${error?.message ?? `${stderr}${stdout}`.trim().split('\n').at(-1)}`);
}

/** Small changes to the tests, where we do as OpenAI does. */
const changes: readonly (readonly [text: RegExp, ours: string])[] = [
  // A model that nobody serves is an error: the tests name the one that is served.
  [/(\bmodel=|"model": )"[^"]+"/g, '$1server.model_alias'],
  // Names have a tag, as Ollama's do.
  [/(\["(?:model|id)"\] == )("llama-test-model"|server\.model_alias)/g, '$1$2 + ":latest"'],
  [/(system_fingerprint\S*)\.startswith\("b"\)/g, '$1.startswith("fp_")'],
];

function adapt(test: string): void {
  const text = readFileSync(test, 'utf8');
  writeFileSync(
    test,
    changes.reduce((changed, [theirs, ours]) => changed.replace(theirs, ours), text),
  );
}

/** The row of a file of tests, by what came of each. */
function rowOf(name: string, tests: readonly Ended[]): Row {
  const failed: string[] = tests.length === 0 ? ['no test ran'] : [];
  const skipped = new Map<string, number>();
  const skip = (reason: string): void => void skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  let passed = 0;
  for (const { id, state, reason } of tests) {
    const listed = differences.find((one) => id === one.name || id.startsWith(`${one.name}[`));
    if (state === 'skipped') skip(reason);
    else if (listed && state === 'failed') skip(listed.reason);
    else if (listed) failed.push(`${id} passes, though it is listed`);
    else if (state === 'failed') failed.push(`${id}: ${reason.split('\n', 1)[0]}`);
    else passed += 1;
  }
  for (const { name: listed } of differences.filter((one) => one.name.startsWith(`unit/test_${name}.py::`)))
    if (!tests.some(({ id }) => id === listed || id.startsWith(`${listed}[`)))
      failed.push(`${listed} is listed, but there is no such test`);
  return {
    name,
    tried: passed + failed.length,
    passed,
    failed,
    skipped: [...skipped].map(([reason, count]) => `${count} tests of ${name}: ${reason}`),
  };
}

export const part: Part = {
  about: "the tests of llama.cpp's server, against ours",
  rows: async function* () {
    using folder = tempFolder();
    const python = join(folder.path, 'python', 'bin', 'python');
    let tests: string;
    try {
      tests = join(fetchSources(folder.path), 'tools', 'server', 'tests');
      run('python3', ['-m', 'venv', join(folder.path, 'python')]);
      run(python, ['-m', 'pip', 'install', '-q', ...packages]);
    } catch (error) {
      const skipped = [`llama.cpp's tests: ${(error as Error).message}`];
      yield { name: 'tests', tried: 0, passed: 0, failed: [], skipped };
      return;
    }
    copyFileSync(join(folderOfThis, 'conftest.py'), join(tests, 'conftest.py'));
    const env = {
      ...process.env,
      LLAMA_SERVER_BIN_PATH: resolve(folderOfThis, 'adapter.mjs'),
      SSD_LLM: resolve('bin/ssd-llm.cjs'),
      MODELS: JSON.stringify(standIns(folder)),
    };
    for (const file of files) {
      adapt(join(tests, 'unit', `test_${file}.py`));
      const results = folder.file(`${file}.json`);
      const options = ['-q', '-m', 'not slow', '-p', 'no:cacheprovider', `unit/test_${file}.py`];
      run(python, ['-m', 'pytest', ...options], tests, { ...env, RESULTS: results });
      const lines = existsSync(results) ? readFileSync(results, 'utf8').trim().split('\n') : [];
      yield rowOf(
        file,
        lines.map((line) => JSON.parse(line) as Ended),
      );
    }
  },
};
