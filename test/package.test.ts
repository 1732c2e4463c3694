import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { docPages } from '../scripts/docs-site.ts';
import { run } from './support/cli.ts';
import { smollm2 } from './support/smollm2.ts';
import { tempFolder } from './support/temp-folder.ts';

interface Manifest {
  readonly version: string;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const model = await smollm2();

/** A folder with the package as it is published, installed with nothing but its dependencies. */
function installed(folder: string): string {
  const home = join(folder, 'node_modules', 'ssd-llm');
  mkdirSync(home, { recursive: true });
  const files = manifest.files.filter((file) => !file.startsWith('!'));
  for (const file of ['package.json', ...files]) cpSync(file, join(home, file), { recursive: true });
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(resolve('node_modules', name), link, 'junction');
  }
  return home;
}

test('the package works with its dependencies alone, as a command and as a library', async () => {
  using folder = tempFolder();
  const command = join(installed(folder.path), 'bin', 'ssd-llm.cjs');
  const node = (...args: readonly string[]): Promise<{ stdout: string }> =>
    promisify(execFile)(process.execPath, args, { cwd: folder.path });
  assert.equal((await node(command, '--version')).stdout, `${manifest.version}\n`);
  const { stdout } = await node(command, 'run', model, '-m', '224M', '--ctx', '256', '-p', 'Hi', '-n', '1', '--json');
  const { tokens } = JSON.parse(stdout) as { tokens: readonly number[] };
  assert.equal(tokens.length, 1);
  const library =
    "import('ssd-llm').then(({ Model, EngineError }) => console.log(typeof Model.open, typeof EngineError))";
  assert.equal((await node('-e', library)).stdout, 'function function\n');
});

test('links and pictures of the pages that are published lead to what is published, too', () => {
  const published = (path: string): boolean =>
    ['README.md', 'LICENSE', 'docs/adr', ...manifest.files].some(
      (entry) => path === entry || path.startsWith(`${entry}/`),
    );
  const pages = docPages().filter(({ path }) => published(path));
  assert.deepEqual(
    pages.flatMap(({ path, links }) =>
      links.filter((link) => !published(link.path)).map((link) => `${path}: ${link.path}`),
    ),
    [],
  );
  assert.ok(pages.length > 20, `${pages.length}`);
});

test('every bundled package has its licence in what is published', () => {
  const licenses = readFileSync('dist/LICENSES', 'utf8');
  for (const name of ['commander', 'hono', 'pino', 'zod']) assert.match(licenses, new RegExp(`^${name}\n`, 'm'));
  assert.match(licenses, /Permission is hereby granted, free of charge/);
});

/** The bytes of a file of dist/ and of all that it imports at once. */
function bytesToStart(file: string, seen = new Set<string>()): number {
  if (seen.has(file)) return 0;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  const imported = [...text.matchAll(/^(?:import|export)\b[^;]*?["'](\.[^"']+)["'];/gm)].map(([, to = '']) => to);
  return imported.reduce((sum, to) => sum + bytesToStart(join(dirname(file), to), seen), text.length);
}

test('the command line reads hardly more than the parser of its arguments before it knows what to do', () => {
  const all = readdirSync('dist').filter((name) => name.endsWith('.js'));
  const bytes = bytesToStart('dist/cli/main.js');
  assert.ok(bytes > 100_000 && bytes < 200_000, `${bytes}`);
  assert.ok(all.reduce((sum, name) => sum + statSync(join('dist', name)).size, 0) > 10 * bytes);
});

test('a process that may open few files answers', {
  skip: process.platform === 'win32' && 'there is no ulimit',
}, async () => {
  const wrapper = ['sh', '-c', 'ulimit -n 96; exec "$0" "$@"'];
  const { code, stderr } = await run(['run', model, '-m', '224M', '--ctx', '256', '-p', 'Hi', '-n', '1'], { wrapper });
  assert.equal(code, 0, stderr);
});
