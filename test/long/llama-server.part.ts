import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { smollm2 } from '../support/smollm2.ts';
import { tempFolder } from '../support/temp-folder.ts';
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
  'ignore_eos',
  'infill',
  'template',
  'tokenize',
];

/** Reasons for which tests do not pass, by expressions that match their ids. */
const differences = Object.entries(
  JSON.parse(readFileSync(join(folderOfThis, 'differences.json'), 'utf8')) as Record<string, string>,
).map(([pattern, reason]) => ({ pattern: new RegExp(pattern), reason }));

const run = (command: string, args: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): string => {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  // Pytest ends with 1 where tests have failed.
  if (error || (status !== 0 && status !== 1)) {
    throw new Error(`${command}: ${error?.message ?? `${stderr}${stdout}`.trim().split('\n').at(-1)}`);
  }
  return stdout;
};

/** The row of a file of tests, by pytest's summary of all that passed, failed or was skipped. */
function rowOf(name: string, summary: string): Row {
  const failed: string[] = [];
  const skipped = new Map<string, number>();
  let passed = 0;
  for (const [, state, id = '', why = ''] of summary.matchAll(
    /^(PASSED|FAILED|ERROR|SKIPPED) (\S+::.*?)(?: - (.*))?$/gm,
  )) {
    const reason = differences.find(({ pattern }) => pattern.test(id))?.reason;
    if (state === 'PASSED') passed += 1;
    else if (state === 'SKIPPED' || reason) skipped.set(reason ?? why, (skipped.get(reason ?? why) ?? 0) + 1);
    else failed.push(`${id}: ${why}`);
  }
  if (passed + failed.length + skipped.size === 0) failed.push(`${name}: no test ran`);
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
    let model: string;
    try {
      model = await smollm2();
      tests = join(fetchSources(folder.path), 'tools', 'server', 'tests');
      run('python3', ['-m', 'venv', join(folder.path, 'python')]);
      run(python, ['-m', 'pip', 'install', '-q', ...packages]);
    } catch (error) {
      yield {
        name: 'tests',
        tried: 0,
        passed: 0,
        failed: [],
        skipped: [`llama.cpp's tests: ${(error as Error).message}`],
      };
      return;
    }
    copyFileSync(join(folderOfThis, 'conftest.py'), join(tests, 'conftest.py'));
    const stories = 'ggml-org/test-model-stories260K';
    const env = {
      ...process.env,
      LLAMA_SERVER_BIN_PATH: resolve(folderOfThis, 'adapter.mjs'),
      SSD_LLM: resolve('bin/ssd-llm.cjs'),
      MODELS: JSON.stringify({ [stories]: model, [`${stories}-infill`]: model }),
    };
    for (const file of files) {
      yield rowOf(file, run(python, ['-m', 'pytest', '-q', '-rA', '--tb=line', `unit/test_${file}.py`], tests, env));
    }
  },
};
