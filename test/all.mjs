// Runs every test file, or those whose path contains one of the arguments: `node test/all.mjs plan/ cli`.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const wanted = process.argv.slice(2);
const files = ['src', 'bench', 'test']
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
  .filter((file) => file.endsWith('.test.ts'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
// Files take turns on all cores: by default Node leaves one idle.
const concurrency = `--test-concurrency=${availableParallelism()}`;
// ggml computes in the tests' processes as SSD_LLM_CPU says; the command line sees to that itself.
const preload = process.env.SSD_LLM_CPU ? ['--import', './test/support/chosen-cpu.ts'] : [];
const command = ['--import', 'tsx', ...preload, '--test', concurrency, ...files];
const { status } = spawnSync(process.execPath, command, { stdio: 'inherit' });
process.exitCode = status ?? 1;
